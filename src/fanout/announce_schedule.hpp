// Decides when to announce to the tracker next, and with which event (BEP 3). Pure: no I/O, no clock of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

#include "base/clock.hpp"

namespace shoal::fanout {

enum class AnnounceEvent { none, started, completed };

/// The state of one content, as far as it decides how many peers it needs.
struct AnnounceNeed {
  bool complete = false;
  std::uint32_t peers = 0;  // connected
  std::uint32_t pieces = std::numeric_limits<std::uint32_t>::max();
};

/// How many peers a fetch needs: one for every 35 pieces, at least 8 and at most 28. No existing peer has heard of the newest node. So a
/// fetch that has fewer peers than this after its first announce asks once more for the missing ones; otherwise it gets half of what the
/// others get (bench/simulate). More peers would not help: one piece is on its way on each link. A content of few pieces takes fewer links,
/// because otherwise most of it would be on its way on all links at once.
std::uint32_t enough_peers(std::uint32_t pieces);
/// How many peers a starting fetch asks for. The tracker names it to later nodes as well, so it ends up with about twice as many links.
int first_peers(std::uint32_t pieces);

/// How many peers an announce asks for. A complete machine wants peers that still lack something.
int peers_wanted(AnnounceEvent event, const AnnounceNeed& need);

/// The announces of one content. One thread at a time. `random` is in [0, 1): jitter spreads the announces of a fleet whose machines
/// started together.
class AnnounceSchedule {
 public:
  /// `complete`: the content was complete when it was added, so `completed` is never announced.
  AnnounceSchedule(SteadyTime now, bool complete) : due_(now), completed_sent_(complete) {}

  /// The event to announce now, or nothing if no announce is due.
  std::optional<AnnounceEvent> due(SteadyTime now, const AnnounceNeed& need) const;
  /// When `due` returns an event next, if `need` does not change.
  SteadyTime next(const AnnounceNeed& need) const;

  /// The tracker answered the announce of this event.
  void succeeded(SteadyTime now, AnnounceEvent event, std::chrono::seconds interval, double random);
  /// The announce failed. The same event is announced again after 1 s, 2 s, 4 s, up to 60 s.
  void failed(SteadyTime now, double random);

  /// Nothing arrives: announce at once, but at least five seconds after the last answer.
  void hasten(SteadyTime now);

  /// Whether the tracker knows us, so that `stopped` means something to it.
  bool started() const { return started_; }

 private:
  AnnounceEvent event_for(const AnnounceNeed& need) const;
  bool is_hungry(const AnnounceNeed& need) const;

  SteadyTime due_;                        // by the tracker's interval, or by the back-off
  std::optional<SteadyTime> hungry_due_;  // sooner, for an incomplete content with few peers; none while backing off
  SteadyTime answered_{};                 // the last answer
  bool started_ = false;
  bool topped_up_ = false;  // asked again after the first answer
  bool completed_sent_;
  unsigned failures_ = 0;
};

}  // namespace shoal::fanout
