// Events of the last hour on the machines, as far as their reports show them. Pure.
#pragma once

#include <deque>

#include "overview/machine_view.hpp"

namespace shoal::page {

using overview::MachineView;

struct Happening {
  std::uint64_t number = 0;  // rises by one
  WallTime at;
  NodeId machine;
  std::string kind;  // a phase, "complete", "stalled", "joined" or "revoked"
  std::string text;
};

/// Bounded in number and age. One thread at a time.
class Happenings {
 public:
  static constexpr std::size_t most = 2000;
  static constexpr std::chrono::hours life{1};

  /// Adds an event for each difference between two reports of a machine.
  void compare(const MachineView& before, const MachineView& after, WallTime now);
  /// Adds an event for each thing that is under way at a machine's first report.
  void begin(const MachineView& machine, WallTime now);
  void add(const NodeId& machine, std::string kind, std::string text, WallTime now);
  void forget_old(WallTime now);
  const std::deque<Happening>& all() const { return all_; }
  std::uint64_t last() const { return last_; }

 private:
  std::deque<Happening> all_;  // the oldest first
  std::uint64_t last_ = 0;
};

Json to_json(const Happening& happening);

}  // namespace shoal::page
