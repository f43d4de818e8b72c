#include "tracker/freshness.hpp"

#include <algorithm>
#include <iterator>

#include "base/log.hpp"
#include "crypto/digest.hpp"
#include "manifest/envelope.hpp"
#include "manifest/validity.hpp"

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

}  // namespace

FreshnessDesk::FreshnessDesk(FleetName fleet, crypto::PrivateKey key, const Clock& clock, Look look)
    : fleet_(std::move(fleet)), key_(std::move(key)), clock_(clock), look_(std::move(look)) {
  state_.lock()->serial = first_serial(clock.now());
}

void FreshnessDesk::sign(State& state) const {
  state.envelope.clear();
  if (!state.situation.may_sign) return;
  manifest::Freshness statement{fleet_, state.serial, state.situation.trust_root, clock_.now(), clock_.now() + life, {}};
  for (const ChannelStanding& channel : state.situation.channels) statement.channels.push_back(channel.state);
  std::string payload = manifest::encode(statement);
  if (payload.size() > manifest::freshness_limit) return log::error("freshness_too_large", {{"channels", statement.channels.size()}});
  if (state.situation.left_out > 0)
    log::error("freshness_leaves_out", {{"channels", state.situation.left_out}, {"meaning", "no node is told of the youngest channels"}});
  state.envelope = manifest::sign(manifest::freshness_type, std::move(payload), {key_}).encode();
  state.signed_at = clock_.steady_now();
}

/// A statement that grew old is signed again under the same serial: nothing changed, and nobody who waits is woken.
Result<std::string> FreshnessDesk::current(State& state) const {
  if (!state.envelope.empty() && clock_.steady_now() - state.signed_at > reissue_after) sign(state);
  if (!state.looked) return fail(ErrorCode::unreachable, "the tracker is starting: try again");
  if (state.envelope.empty() && state.situation.may_sign)
    return fail(ErrorCode::unreachable, "the tracker's freshness statement is too large: its log has the number of channels");
  if (state.envelope.empty()) return not_ours();
  return state.envelope;
}

std::vector<FreshnessDesk::Waiter> FreshnessDesk::next_batch(State& state) {
  std::size_t count = std::max<std::size_t>(batch_bytes / (state.envelope.size() + 1), smallest_batch);
  count = std::min(count, state.due.size());
  auto from = state.due.end() - static_cast<std::ptrdiff_t>(count);
  std::vector<Waiter> batch(std::make_move_iterator(from), std::make_move_iterator(state.due.end()));
  state.due.erase(from, state.due.end());
  return batch;
}

/// Without the lock: an answer may go straight into a socket.
void FreshnessDesk::answer(std::vector<Waiter> batch, const Result<std::string>& with) const {
  for (const Waiter& waiter : batch) waiter.answer(with);
}

Status FreshnessDesk::refresh() {
  auto alone = looking_.lock();
  Result<Situation> seen = look_();
  auto state = state_.lock();
  state->stale = !seen.ok();
  if (!seen.ok()) return std::move(seen).error();
  if (state->looked && *seen == state->situation) return {};
  if (state->looked) ++state->serial;
  state->looked = true;
  state->situation = std::move(*seen);
  sign(*state);
  std::move(state->waiting.begin(), state->waiting.end(), std::back_inserter(state->due));
  state->waiting.clear();
  std::vector<Waiter> batch = next_batch(*state);
  Result<std::string> with = current(*state);
  state.lock().unlock();
  answer(std::move(batch), with);
  return {};
}

void FreshnessDesk::ask(std::uint64_t after, std::chrono::seconds patience, Answer wanted) {
  auto state = state_.lock();
  Result<std::string> with = current(*state);
  bool waits = with.ok() && after == state->serial && patience > std::chrono::seconds(0) && !state->closed;
  if (waits) return state->waiting.push_back({clock_.steady_now() + patience, std::move(wanted)});
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
  std::vector<Waiter> batch = next_batch(*state);
  Result<std::string> with = current(*state);
  state.lock().unlock();
  answer(std::move(batch), with);
}

void FreshnessDesk::close() {
  auto state = state_.lock();
  state->closed = true;
  std::vector<Waiter> all = std::move(state->waiting);
  std::move(state->due.begin(), state->due.end(), std::back_inserter(all));
  state->waiting.clear();
  state->due.clear();
  Result<std::string> with = current(*state);
  state.lock().unlock();
  answer(std::move(all), with);
}

std::optional<ChannelStanding> FreshnessDesk::standing(const ModelName& model, const ChannelName& channel) const {
  return state_.with([&](const State& state) -> std::optional<ChannelStanding> {
    for (const ChannelStanding& standing : state.situation.channels)
      if (standing.state.model == model && standing.state.channel == channel) return standing;
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
    }
    return ends;
  });
}

std::size_t FreshnessDesk::waiting() const {
  return state_.with([](const State& state) { return state.waiting.size() + state.due.size(); });
}

}  // namespace shoal::tracker
