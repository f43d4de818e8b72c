#include "node/statement.hpp"

#include <optional>

#include "node/floored_clock.hpp"

namespace shoal::node {
namespace {

using manifest::SignedEnvelope;
using manifest::VerifiedFreshness;

Result<VerifiedFreshness> verified(const std::string& text, const manifest::Verifier& verifier, WallTime now) {
  SHOAL_TRY(auto envelope, SignedEnvelope::decode(text, manifest::freshness_limit).within("the tracker's freshness statement"));
  return verifier.freshness(envelope, now);
}

/// When the statement that this machine saw last was issued. One from the future makes no later one old.
std::optional<WallTime> last_seen(const manifest::Verifier& verifier, const fs::path& file, WallTime now) {
  const auto text = read_file(file, 2 * manifest::freshness_limit);
  if (!text.ok()) return {};
  const auto statement = verified(*text, verifier, WallTime{});
  if (!statement.ok() || (*statement)->issued > now + clock_slack) return {};
  return (*statement)->issued;
}

}  // namespace

fs::path statement_file(const fs::path& state) { return state / "freshness.json"; }

Result<VerifiedFreshness> newest_statement(registry::Client& tracker, const manifest::Verifier& verifier, const fs::path& state,
                                           const Clock& clock) {
  const fs::path file = statement_file(state);
  SHOAL_TRY(const std::string text, tracker.freshness(0, std::chrono::milliseconds(0)));
  SHOAL_TRY(auto statement, verified(text, verifier, clock.now()));
  const auto seen = last_seen(verifier, file, clock.now());
  if (seen && statement->issued < *seen)
    return fail(ErrorCode::verification, "the tracker showed a freshness statement of " + format_time(statement->issued) +
                                             ", older than the one of " + format_time(*seen) + " that was seen before");
  SHOAL_CHECK(write_file_durably(file, text));
  return statement;
}

}  // namespace shoal::node
