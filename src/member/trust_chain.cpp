#include "member/trust_chain.hpp"

namespace shoal::member {
namespace {

// A tracker that invents roots cannot, since each is signed; one that repeats itself is refused. This bounds the rest.
constexpr std::uint64_t most_at_once = 1000;

}  // namespace

Result<std::uint64_t> follow_trust_roots(MemberSession& session, registry::Client& tracker, std::optional<std::uint64_t> newest) {
  for (std::uint64_t taken = 0; taken < most_at_once; ++taken) {
    const std::uint64_t version = session.verifier()->root().version + 1;
    if (newest && version > *newest) return taken;
    auto next = tracker.trust_root(version);
    if (!next.ok() && next.error().code == ErrorCode::not_found && !newest) return taken;
    if (!next.ok()) return std::move(next).error();
    SHOAL_CHECK(session.rotate(*next).within("trust root " + std::to_string(version)));
  }
  return most_at_once;
}

}  // namespace shoal::member
