// Details of one release or one channel, as JSON for the view that asks. Pure.
#pragma once

#include "base/json.hpp"
#include "tracker/page/facts.hpp"

namespace shoal::page {

/// Format, tensors, labels, signers. The tracker verified the envelope before it took it; it is verified again, since a trust root may have
/// rotated since.
Result<Json> release_details(const std::string& envelope, const manifest::Verifier& verifier);
/// Newest first.
Json history_details(const std::vector<registry::HistoryRow>& rows);

}  // namespace shoal::page
