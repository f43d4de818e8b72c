#include "fanout/announce_schedule.hpp"

#include <algorithm>

#include "base/backoff.hpp"

namespace shoal::fanout {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A tracker's interval is advice for a swarm that runs well. A content that is incomplete and has few peers asks every 5 to 10
// seconds, and never sooner, whatever the tracker says.
constexpr seconds floor_between{5};
constexpr seconds hungry_spread{5};
constexpr std::uint32_t few_peers = 8, most_peers = 28, pieces_per_link = 35;
constexpr int usual_peers = 50;
constexpr seconds longest_interval{3600};
constexpr milliseconds first_back_off{1000};
constexpr milliseconds longest_back_off{60'000};

milliseconds scaled(milliseconds duration, double factor) {
  return milliseconds(static_cast<std::int64_t>(static_cast<double>(duration.count()) * factor));
}

/// 80 to 100 % of the interval: never later than the tracker expects.
milliseconds jittered(seconds interval, double random) { return scaled(interval, 0.8 + 0.2 * random); }

milliseconds back_off(unsigned failures, double random) {
  return scaled(backoff(first_back_off, longest_back_off, failures - 1), 0.75 + 0.5 * random);
}

}  // namespace

std::uint32_t enough_peers(std::uint32_t pieces) { return std::clamp(pieces / pieces_per_link, few_peers, most_peers); }

int first_peers(std::uint32_t pieces) { return static_cast<int>(enough_peers(pieces) / 2 + 1); }

int peers_wanted(AnnounceEvent event, const AnnounceNeed& need) {
  if (need.complete) return usual_peers;
  const int first = first_peers(need.pieces);
  if (event == AnnounceEvent::started) return first;
  const std::uint32_t enough = enough_peers(need.pieces);
  return std::max(first, static_cast<int>(enough - std::min(need.peers, enough)));
}

bool AnnounceSchedule::is_hungry(const AnnounceNeed& need) const {
  return !need.complete && need.peers < (topped_up_ ? few_peers : enough_peers(need.pieces));
}

AnnounceEvent AnnounceSchedule::event_for(const AnnounceNeed& need) const {
  if (!started_) return AnnounceEvent::started;
  if (need.complete && !completed_sent_) return AnnounceEvent::completed;
  return AnnounceEvent::none;
}

SteadyTime AnnounceSchedule::next(const AnnounceNeed& need) const {
  if (failures_ > 0) return due_;
  if (started_ && event_for(need) == AnnounceEvent::completed) return answered_;
  if (hungry_due_ && is_hungry(need)) return std::min(due_, *hungry_due_);
  return due_;
}

std::optional<AnnounceEvent> AnnounceSchedule::due(SteadyTime now, const AnnounceNeed& need) const {
  if (now < next(need)) return std::nullopt;
  return event_for(need);
}

void AnnounceSchedule::succeeded(SteadyTime now, AnnounceEvent event, seconds interval, double random) {
  failures_ = 0;
  answered_ = now;
  topped_up_ = started_;
  started_ = true;
  if (event == AnnounceEvent::completed) completed_sent_ = true;
  const seconds wait = std::clamp(interval, floor_between, longest_interval);
  due_ = now + std::max<milliseconds>(floor_between, jittered(wait, random));
  hungry_due_ = now + floor_between + scaled(hungry_spread, random);
}

void AnnounceSchedule::failed(SteadyTime now, double random) {
  ++failures_;
  hungry_due_.reset();
  due_ = now + back_off(failures_, random);
}

void AnnounceSchedule::hasten(SteadyTime now) { due_ = std::min(due_, std::max(now, answered_ + floor_between)); }

}  // namespace shoal::fanout
