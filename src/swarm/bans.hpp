// How long a machine that lied is kept away, and from what.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/ids.hpp"

namespace shoal::swarm {

/// What follows from one proof.
struct Sentence {
  std::chrono::seconds lasts{0};  // zero: none, because nobody else has what it has
  bool everywhere = false;        // for all contents; otherwise for that one
  unsigned lies = 1;              // of the machine in this content, with this one
  bool news = true;               // worth a line in a log: a machine that goes on lying writes fewer and fewer
};

/// Decides without I/O; the time is passed in. A ban is for one content: two minutes, twice as long each time, an hour at most. A machine
/// that lied in several contents is banned from all. What was proved is forgotten six hours after the last ban ended: memory gets repaired.
/// Thread-safe.
class Bans {
 public:
  /// `last_source`: nobody else has some piece that is missing. Then the machine stays, and what it sends is checked piece by piece; only
  /// where nothing but lies come does it pause, for seconds.
  Sentence convict(const NodeId& machine, const InfoHash& content, SteadyTime now, bool last_source);
  /// A piece that the machine had a part in was verified.
  void vouch(const NodeId& machine, const InfoHash& content);
  /// Nobody is left who has what is missing: the bans from this content end.
  void pardon(const InfoHash& content, SteadyTime now);

  /// From this content, for what it did there.
  bool is_banned(const NodeId& machine, const InfoHash& content, SteadyTime now) const;
  /// From all contents. It may still bring what nobody else has.
  bool is_banned_everywhere(const NodeId& machine, SteadyTime now) const;
  /// Whether it was caught in this content, however long ago that is remembered.
  bool has_lied(const NodeId& machine, const InfoHash& content) const;
  /// Machines that are banned now: from a content, or from anything.
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

}  // namespace shoal::swarm
