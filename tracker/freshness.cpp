#include "tracker/freshness.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>

#include "base/log.hpp"
#include "crypto/digest.hpp"
#include "manifest/envelope.hpp"
#include "manifest/validity.hpp"
#include "registry/freshness_query.hpp"

namespace shoal::tracker {
namespace {

// Answers wait in the memory of their connections: a crowd gets them in batches of this size in all, one each second.
constexpr ByteCount batch_bytes = 64 * MiB;
constexpr std::size_t smallest_batch = 64;

/// Another number than any that this tracker, or the one whose database was restored here, gave before: microseconds since 1970, of
/// which the part below a second is random.
std::uint64_t first_serial(WallTime now) {
  std::uint64_t random = 0;
  for (char byte : crypto::random_bytes(4)) random = random << 8 | static_cast<unsigned char>(byte);
  std::uint64_t serial = static_cast<std::uint64_t>(now.time_since_epoch().count()) * 1'000'000 + random % 1'000'000;
  return serial % (manifest::number_limit / 2) + 1;
}

Error not_ours() {
  return fail(ErrorCode::not_found,
              "this tracker states no freshness: the trust root does not name its key. Sign a root that does: 'shoal trust rotate "
              "--add-tracker-key "
              "FILE' with the file freshness.pub of the tracker's state");
}

auto key_of(const ChannelStanding& standing) { return std::tie(standing.state.model, standing.state.channel); }

struct Changes {
  bool all = false;    // every statement says something else, or there are other statements
  bool whole = false;  // the one for all channels
  std::set<std::uint32_t> shards = {};
};

void note(Changes& changes, const ChannelStanding& standing, std::uint32_t shards) {
  changes.whole |= standing.in_whole;
  changes.shards.insert(manifest::shard_of(standing.place, shards).index);
}

/// Both lists are sorted.
Changes changes_between(const Situation& before, const Situation& after) {
  Changes changes;
  changes.all = before.shards != after.shards || before.trust_root != after.trust_root || before.may_sign != after.may_sign;
  auto old = before.channels.begin(), fresh = after.channels.begin();
  while (!changes.all && (old != before.channels.end() || fresh != after.channels.end())) {
    const bool gone = fresh == after.channels.end() || (old != before.channels.end() && key_of(*old) < key_of(*fresh));
    const bool made = !gone && (old == before.channels.end() || key_of(*fresh) < key_of(*old));
    if (gone || (!made && *old != *fresh)) note(changes, *old, after.shards);
    if (made || (!gone && *old != *fresh)) note(changes, *fresh, after.shards);
    if (!made) ++old;
    if (!gone) ++fresh;
  }
  return changes;
}

}  // namespace

FreshnessDesk::FreshnessDesk(FleetName fleet, crypto::PrivateKey key, const Clock& clock, Look look)
    : fleet_(std::move(fleet)), key_(std::move(key)), clock_(clock), look_(std::move(look)) {
  state_.lock()->serial = first_serial(clock.now());
}

Status FreshnessDesk::sign(State& state, Sheet& sheet, std::optional<manifest::Shard> shard) const {
  manifest::Freshness statement{
      fleet_, sheet.serial, state.situation.trust_root, clock_.now(), clock_.now() + life, {}, shard.value_or(manifest::Shard{})};
  for (const ChannelStanding& channel : state.situation.channels)
    if (shard ? channel.in_shard && shard->holds(channel.place) : channel.in_whole) statement.channels.push_back(channel.state);
  std::string payload = manifest::encode(statement);
  if (payload.size() > manifest::freshness_limit) {
    log::error("freshness_too_large", {{"channels", statement.channels.size()}});
    return fail(ErrorCode::unreachable, "the tracker's freshness statement is too large: its log has the number of channels");
  }
  sheet.envelope = manifest::sign(manifest::freshness_type, std::move(payload), {key_}).encode();
  sheet.signed_at = clock_.steady_now();
  return {};
}

/// A statement that grew old is signed again under the same serial: nothing changed, and nobody who waits is woken.
Status FreshnessDesk::renew(State& state, Sheet& sheet, std::optional<manifest::Shard> shard) const {
  if (!sheet.envelope.empty() && clock_.steady_now() - sheet.signed_at <= reissue_after) return {};
  return sign(state, sheet, shard);
}

std::vector<std::uint32_t> FreshnessDesk::shards_of(const State& state, const Places& places) {
  std::vector<std::uint32_t> shards;
  if (state.shards.empty()) return shards;
  for (manifest::ChannelPlace place : places) shards.push_back(manifest::shard_of(place, state.situation.shards).index);
  std::sort(shards.begin(), shards.end());
  shards.erase(std::unique(shards.begin(), shards.end()), shards.end());
  return shards;
}

/// The fleet's serial rises, so that the highest one is another one whenever any of these changes.
std::uint64_t FreshnessDesk::serial_of(const State& state, const Places& places) {
  const auto shards = shards_of(state, places);
  if (shards.empty()) return state.whole.serial;
  std::uint64_t highest = 0;
  for (std::uint32_t shard : shards) highest = std::max(highest, state.shards[shard].serial);
  return highest;
}

Result<std::string> FreshnessDesk::current(State& state, const Places& places) const {
  if (!state.looked) return fail(ErrorCode::unreachable, "the tracker is starting: try again");
  if (!state.situation.may_sign) return not_ours();
  std::vector<std::string> envelopes;
  for (std::uint32_t shard : shards_of(state, places)) {
    SHOAL_CHECK(renew(state, state.shards[shard], manifest::Shard{shard, state.situation.shards}));
    envelopes.push_back(state.shards[shard].envelope);
  }
  if (!envelopes.empty()) return registry::join_statements(envelopes);
  SHOAL_CHECK(renew(state, state.whole, std::nullopt));
  return state.whole.envelope;
}

std::vector<FreshnessDesk::Ready> FreshnessDesk::next_batch(State& state) const {
  std::vector<Ready> batch;
  ByteCount bytes = 0;
  while (!state.due.empty() && (batch.size() < smallest_batch || bytes < batch_bytes)) {
    Waiter waiter = std::move(state.due.back());
    state.due.pop_back();
    Result<std::string> with = current(state, waiter.places);
    bytes += with.ok() ? with->size() : 0;
    batch.push_back({std::move(waiter.answer), std::move(with)});
  }
  return batch;
}

/// Without the lock: an answer may go straight into a socket.
void FreshnessDesk::answer(std::vector<Ready> batch) {
  for (const Ready& ready : batch) ready.answer(ready.with);
}

/// What differs gets the next serial, and is signed anew once somebody asks for it.
void FreshnessDesk::take(State& state, Situation seen) const {
  const Changes changes = changes_between(state.situation, seen);
  if (state.looked) ++state.serial;
  const bool all = !state.looked || changes.all;
  if (all) state.shards.assign(seen.shards > 1 ? seen.shards : 0, Sheet{state.serial});
  for (std::uint32_t shard : changes.shards)
    if (!all && shard < state.shards.size()) state.shards[shard] = Sheet{state.serial};
  if (all || changes.whole) state.whole = Sheet{state.serial};
  state.looked = true;
  if (seen.left_out > 0 && seen.left_out != state.situation.left_out)
    log::error("freshness_leaves_out", {{"channels", seen.left_out}, {"meaning", "no node is told of the youngest channels"}});
  state.situation = std::move(seen);
}

Status FreshnessDesk::refresh() {
  auto alone = looking_.lock();
  Result<Situation> seen = look_();
  auto state = state_.lock();
  state->stale = !seen.ok();
  if (!seen.ok()) return std::move(seen).error();
  if (state->looked && *seen == state->situation) return {};
  const std::uint64_t before = state->serial;
  take(*state, std::move(*seen));
  auto stay = std::partition(state->waiting.begin(), state->waiting.end(),
                             [&](const Waiter& waiter) { return serial_of(*state, waiter.places) <= before; });
  std::move(stay, state->waiting.end(), std::back_inserter(state->due));
  state->waiting.erase(stay, state->waiting.end());
  std::vector<Ready> batch = next_batch(*state);
  state.lock().unlock();
  answer(std::move(batch));
  return {};
}

void FreshnessDesk::ask(Places places, std::uint64_t after, std::chrono::seconds patience, Answer wanted) {
  auto state = state_.lock();
  const bool waits = state->looked && state->situation.may_sign && after == serial_of(*state, places) &&
                     patience > std::chrono::seconds(0) && !state->closed;
  if (waits) return state->waiting.push_back({std::move(places), clock_.steady_now() + patience, std::move(wanted)});
  Result<std::string> with = current(*state, places);
  state.lock().unlock();
  wanted(with);
}

void FreshnessDesk::sweep() {
  if (state_.with([](const State& state) { return state.stale; })) {
    if (Status status = refresh(); !status.ok()) log::warn("freshness_not_refreshed", {{"reason", status.error().message}});
  }
  auto state = state_.lock();
  SteadyTime now = clock_.steady_now();
  auto over = std::partition(state->waiting.begin(), state->waiting.end(), [&](const Waiter& waiter) { return waiter.deadline > now; });
  std::move(over, state->waiting.end(), std::back_inserter(state->due));
  state->waiting.erase(over, state->waiting.end());
  if (state->due.empty()) return;
  std::vector<Ready> batch = next_batch(*state);
  state.lock().unlock();
  answer(std::move(batch));
}

void FreshnessDesk::close() {
  auto state = state_.lock();
  state->closed = true;
  std::move(state->waiting.begin(), state->waiting.end(), std::back_inserter(state->due));
  state->waiting.clear();
  std::vector<Ready> all;
  while (!state->due.empty()) {
    std::vector<Ready> batch = next_batch(*state);
    std::move(batch.begin(), batch.end(), std::back_inserter(all));
  }
  state.lock().unlock();
  answer(std::move(all));
}

std::optional<ChannelStanding> FreshnessDesk::standing(const ModelName& model, const ChannelName& channel) const {
  return state_.with([&](const State& state) -> std::optional<ChannelStanding> {
    const auto& channels = state.situation.channels;
    auto found = std::lower_bound(channels.begin(), channels.end(), std::tie(model, channel),
                                  [](const ChannelStanding& standing, const auto& key) { return key_of(standing) < key; });
    if (found != channels.end() && key_of(*found) == std::tie(model, channel)) return *found;
    return std::nullopt;
  });
}

FreshnessDesk::Ends FreshnessDesk::ends(std::uint64_t epoch) const {
  const WallTime now = clock_.now();
  return state_.with([&](const State& state) {
    Ends ends;
    for (const ChannelStanding& standing : state.situation.channels) {
      if (standing.state.epoch != epoch) continue;
      ends.soonest = std::min(ends.soonest.value_or(standing.expires), standing.expires);
      ends.soon += manifest::ends_soon(standing.expires, now) ? 1 : 0;
      ends.expired += now >= standing.expires ? 1 : 0;
      ends.halted += standing.state.halted ? 1 : 0;
    }
    return ends;
  });
}

std::vector<ChannelStanding> FreshnessDesk::standings() const {
  return state_.with([](const State& state) { return state.situation.channels; });
}

std::size_t FreshnessDesk::waiting() const {
  return state_.with([](const State& state) { return state.waiting.size() + state.due.size(); });
}

}  // namespace shoal::tracker
