// When the tracker is asked next, and with which event (BEP 3). No I/O, no clock of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

#include "base/clock.hpp"

namespace shoal::swarm {

enum class AnnounceEvent { none, started, completed };

/// The state of one content that decides how much we want to hear from the tracker.
struct AnnounceNeed {
  bool complete = false;
  std::uint32_t peers = 0;  // connected
  std::uint32_t pieces = std::numeric_limits<std::uint32_t>::max();
};

/// Who came last was heard of by nobody. A fetch that has fewer peers than this after its first announce asks once more for those who
/// are missing, or it gets half of what the others get (bench/simulate). More would not help: one piece is under way on each link. A
/// content of few pieces takes fewer links, or most of it is under way on all of them at once: 8 to 28, one for each 35 pieces.
std::uint32_t enough_peers(std::uint32_t pieces);
/// Of so many peers a starting fetch asks to hear. Those who come later hear of it too, so that it gets about twice as many links.
int first_peers(std::uint32_t pieces);

/// How many peers an announce asks for. Who is complete wants those who lack something.
int peers_wanted(AnnounceEvent event, const AnnounceNeed& need);

/// One content's announces. One thread at a time. `random` is in [0, 1): jitter keeps a fleet that started together from asking
/// together for ever.
class AnnounceSchedule {
 public:
  /// `complete`: it was complete when it was added, so there will be no `completed`.
  AnnounceSchedule(SteadyTime now, bool complete) : due_(now), completed_sent_(complete) {}

  /// The event to announce now, or nothing while it is not time.
  std::optional<AnnounceEvent> due(SteadyTime now, const AnnounceNeed& need) const;
  /// When `due` will say yes, if `need` stays as it is.
  SteadyTime next(const AnnounceNeed& need) const;

  /// The tracker answered the announce of this event.
  void succeeded(SteadyTime now, AnnounceEvent event, std::chrono::seconds interval, double random);
  /// It did not: the same event is announced again after 1 s, 2 s, 4 s, ... 60 s.
  void failed(SteadyTime now, double random);

  /// Nothing arrives: the next announce comes at once, though not sooner than five seconds after the last answer.
  void hasten(SteadyTime now);

  /// The tracker knows us, so that `stopped` means something to it.
  bool started() const { return started_; }

 private:
  AnnounceEvent event_for(const AnnounceNeed& need) const;
  bool is_hungry(const AnnounceNeed& need) const;

  SteadyTime due_;                        // the tracker's interval, or the back-off
  std::optional<SteadyTime> hungry_due_;  // sooner: for a content that is incomplete and has few peers; none while backing off
  SteadyTime answered_{};                 // the last answer
  bool started_ = false;
  bool topped_up_ = false;  // asked again after the first answer
  bool completed_sent_;
  unsigned failures_ = 0;
};

}  // namespace shoal::swarm
