// How a machine that was away follows its fleet's trust roots, one version after the other.
#pragma once

#include "member/member_session.hpp"

namespace shoal::member {

/// Takes every root that the tracker has beyond the one known here, in order, each verified by the one before and stored. Returns
/// how many. Where the tracker has no next one, that is the end, unless `newest` says that there is one: then it is `not_found`.
/// What the tracker cannot prove is `verification` and leaves what was taken.
Result<std::uint64_t> follow_trust_roots(MemberSession& session, registry::Client& tracker, std::optional<std::uint64_t> newest = {});

}  // namespace shoal::member
