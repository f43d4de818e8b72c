// Decides how long a machine that sent wrong bytes is banned, and from which contents. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/ids.hpp"

namespace shoal::fanout {

/// The ban that follows from one proof.
struct Sentence {
  std::chrono::seconds lasts{0};  // zero: no ban, because nobody else has what it has
  bool everywhere = false;        // from all contents; otherwise from this one
  unsigned lies = 1;              // of the machine in this content, including this one
  bool is_worth_logging = true;   // a machine that goes on lying is logged less and less often
};

/// A ban covers one content: two minutes, doubled each time, up to one hour. A machine that lied in several contents is banned from all.
/// Lies are forgotten six hours after the last ban ended, because faulty memory gets repaired. Thread-safe; the time is passed in.
class Bans {
 public:
  /// `last_source`: nobody else has some piece that we lack. The machine then stays, and its data is checked piece by piece; it is paused
  /// for seconds only if it sends nothing but wrong bytes.
  Sentence convict(const NodeId& machine, const InfoHash& content, SteadyTime now, bool last_source);
  /// A piece that the machine contributed to was verified.
  void vouch(const NodeId& machine, const InfoHash& content);
  /// No other peer has what we lack: ends the bans from this content.
  void pardon(const InfoHash& content, SteadyTime now);

  /// From this content, for lies in this content.
  bool is_banned(const NodeId& machine, const InfoHash& content, SteadyTime now) const;
  /// From all contents. It may still supply what nobody else has.
  bool is_banned_everywhere(const NodeId& machine, SteadyTime now) const;
  /// Whether a lie of the machine in this content is still remembered.
  bool has_lied(const NodeId& machine, const InfoHash& content) const;
  /// Machines that are banned now: from this content, or from any.
  std::size_t count(const InfoHash& content, SteadyTime now) const;
  std::size_t count(SteadyTime now) const;
  /// Since the start.
  std::uint64_t convictions() const;

 private:
  struct Record {
    unsigned lies = 0;
    unsigned in_vain = 0;  // lies as the last source, with no verified piece in between
    SteadyTime until{};
    bool paused = false;  // as the last source: for seconds, whoever else there is
  };
  struct Machine {
    std::map<InfoHash, Record> contents;
    SteadyTime everywhere_until{};
    SteadyTime remembered_until{};
  };
  struct State {
    std::map<NodeId, Machine> machines;
    std::uint64_t convictions = 0;
  };
  static void make_room(State& state, SteadyTime now);
  static const Record* find(const State& state, const NodeId& machine, const InfoHash& content);

  Guarded<State> state_;
};

}  // namespace shoal::fanout
