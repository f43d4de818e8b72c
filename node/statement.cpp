#include "node/statement.hpp"

#include <algorithm>
#include <iterator>
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

/// The rest of the file, and when those of its statements that speak of the same channels were issued.
struct Before {
  std::vector<std::string> others;
  std::optional<WallTime> issued;
};

/// A statement from the future makes no later one old. One that does not verify any more is not kept.
Before seen_before(const manifest::Verifier& verifier, const fs::path& file, const manifest::Shard& shard, WallTime now) {
  Before before;
  const auto text = read_file(file, kept_statements_limit);
  if (!text.ok()) return before;
  for (std::string& line : registry::split_statements(*text, std::size_t{1} << manifest::place_bits).value_or({})) {
    const auto statement = verified(line, verifier, WallTime{});
    if (!statement.ok()) continue;
    if (!(*statement)->shard.overlaps(shard)) before.others.push_back(std::move(line));
    else if ((*statement)->issued <= now + clock_slack) before.issued = std::max(before.issued.value_or(WallTime{}), (*statement)->issued);
  }
  return before;
}

/// The newest are last; where there are too many, the first ones go.
std::string joined(std::vector<std::string> kept, const std::string& newest) {
  kept.push_back(newest);
  ByteCount bytes = 0;
  auto from = kept.end();
  while (from != kept.begin() && bytes + std::prev(from)->size() < kept_statements_limit) bytes += (--from)->size() + 1;
  return registry::join_statements({from, kept.end()});
}

}  // namespace

fs::path statement_file(const fs::path& state) { return state / "freshness.json"; }

Error other_statement() {
  return fail(ErrorCode::verification, "the tracker states the freshness of other channels than it was asked for");
}

Error older_statement(WallTime issued, WallTime before) {
  return fail(ErrorCode::verification, "the tracker showed a freshness statement of " + format_time(issued) + ", older than the one of " +
                                           format_time(before) + " that was seen before");
}

Result<VerifiedFreshness> newest_statement(registry::Client& tracker, const manifest::Verifier& verifier, const fs::path& state,
                                           const Clock& clock, manifest::ChannelPlace place) {
  const fs::path file = statement_file(state);
  SHOAL_TRY(const auto texts, tracker.freshness({place}, 0, std::chrono::milliseconds(0)));
  SHOAL_TRY(auto statement, verified(texts.front(), verifier, clock.now()));
  if (!statement->shard.holds(place)) return other_statement();
  Before before = seen_before(verifier, file, statement->shard, clock.now());
  if (before.issued && statement->issued < *before.issued) return older_statement(statement->issued, *before.issued);
  SHOAL_CHECK(write_file_durably(file, joined(std::move(before.others), texts.front())));
  return statement;
}

}  // namespace shoal::node
