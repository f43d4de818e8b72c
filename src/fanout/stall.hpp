// Decides why a fetch receives nothing, and what could help. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/units.hpp"

namespace shoal::fanout {

enum class StallReason : std::uint8_t {
  none,         // something arrives
  checking,     // what is on the disk is hashed, and that does not get on
  disk,         // the disk fails, is full, or does not keep up
  tracker,      // no peers, and the tracker does not answer
  no_peers,     // no peers, and the tracker names none
  unreachable,  // the tracker names peers, and none of them can be reached
  no_pieces,    // peers are connected, and none has what is missing
  not_granted,  // a source is connected and has granted nothing of what is missing
  refused,      // the peers choke this machine or reject its requests
  throttled,    // the download limit of this machine leaves no more
  silent,       // peers have requests and send nothing
  not_asked,    // peers have what is missing, and none of them was asked for it
};
inline constexpr std::size_t stall_reasons = 12;
/// "no_peers": for JSON, metrics, logs and reports. Short, of small letters and '_'.
std::string_view name(StallReason reason);
/// "no peers": for people.
std::string_view words(StallReason reason);

/// Facts about a fetch, from the engine, the disk and the tracker.
struct StallFacts {
  bool checking = false;
  std::string disk_problem = {};  // an error that the store retries, or that stopped the engine
  bool disk_busy = false;         // received blocks wait for the disk

  unsigned greeting = 0;              // peers in their handshake
  unsigned connected = 0;             // peers that have spoken
  unsigned sources = 0;               // connected peers with the role seeder
  unsigned useful = 0;                // connected peers that have something we lack
  unsigned asked = 0;                 // useful peers with unanswered requests
  unsigned choking = 0;               // useful peers that choke us
  std::uint64_t rejected = 0;         // requests rejected since something arrived
  std::chrono::milliseconds quiet{};  // since something arrived

  bool tracker_answered = false;
  std::string tracker_problem = {};  // of the last announce
  unsigned named = 0;                // other machines in its last answer
  std::string named_at = {};         // address of the first of them
  ByteCount download_limit = 0;      // bytes per second; 0: none
};

StallReason reason_of(const StallFacts& facts);
/// "no peers (the tracker names none)": one line, at most `longest_stall_text` bytes.
std::string text_of(StallReason reason, const StallFacts& facts);
inline constexpr std::size_t longest_stall_text = 200;

/// A remedy to try while nothing arrives.
enum class Remedy {
  announce,     // ask the tracker for peers now
  redial,       // dial again the peers that it named
  renew_links,  // close the links that bring nothing, so that they are established again
  mirrors,      // let the release's mirrors take over
  resume,       // restart the torrent after an error
};
/// For this reason, the first time and from the second time on.
std::vector<Remedy> remedies_for(StallReason reason, bool again);

struct StallTimes {
  /// After this long without payload a fetch counts as waiting and is examined.
  std::chrono::milliseconds waits_after{5000};
  /// After this long it counts as stalled.
  std::chrono::milliseconds stalls_after{120'000};
};

/// The state of one fetch.
struct Stall {
  StallReason reason = StallReason::none;
  bool stalled = false;           // else it only waits
  std::chrono::seconds quiet{0};  // since something arrived
  std::string text = {};          // the reason; empty while something arrives
};

/// Watches one fetch. One thread at a time.
class StallJudge {
 public:
  StallJudge(StallTimes times, SteadyTime begun) : times_(times), moved_(begun) {}

  /// Something arrived. Returns the state before.
  Stall moved(SteadyTime now);
  /// Whether to examine the fetch now: nothing has arrived for a while, and the last look is a second old.
  bool wants_look(SteadyTime now) const;
  std::chrono::milliseconds quiet(SteadyTime now) const { return std::chrono::duration_cast<std::chrono::milliseconds>(now - moved_); }
  /// Judges the facts and returns the new state.
  const Stall& look(const StallFacts& facts, SteadyTime now);
  const Stall& stall() const { return stall_; }
  /// The remedies to try now: first after a quarter of the time to a stall, then with back-off, up to five minutes. Empty in between.
  std::vector<Remedy> due(SteadyTime now);

 private:
  std::chrono::milliseconds pause() const;

  const StallTimes times_;
  SteadyTime moved_;
  SteadyTime looked_{};
  SteadyTime tried_{};
  unsigned tries_ = 0;  // since something arrived
  Stall stall_;
};

}  // namespace shoal::fanout
