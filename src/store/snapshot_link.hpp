// The links of a Hugging Face cache: models--ORG--NAME/snapshots/REVISION/FILE leads to ../../blobs/ID.
#pragma once

#include <optional>

#include "base/files.hpp"

namespace shoal::store {

/// The regular file to which a link leads, where the link lies in a snapshot of a cache and the file in the blobs of the same repository.
/// None for all other links: what lies outside of a source must not get into a release.
std::optional<fs::path> target_of_snapshot_link(const fs::path& link);

/// Why any other link is refused, and what to do; a sentence that follows its path.
std::string why_link_is_refused(const fs::path& link);

}  // namespace shoal::store
