// A release on its way: how far each site is, where the bytes came from, which machines are slowest and why. Pure.
#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "overview/curve.hpp"
#include "overview/machine_view.hpp"

namespace shoal::overview {

using Machines = std::unordered_map<NodeId, MachineView>;

struct SiteShare {
  std::uint32_t machines = 0, complete = 0, fetching = 0, waiting = 0, failed = 0;
  ByteCount done = 0;  // of machines x size
  ByteCount rate = 0;
  bool operator==(const SiteShare&) const = default;
};

struct SlowMachine {
  NodeId machine;
  ByteCount done = 0, rate = 0;
  std::optional<std::uint64_t> seconds_left;  // none: it does not move
  std::string why;
  bool operator==(const SlowMachine&) const = default;
};

struct ReleaseView {
  ReleaseFacts facts;
  std::uint32_t sources = 0;  // machines with the role seeder that have it
  SiteShare all;
  std::map<std::string, SiteShare> sites;
  ByteCount from_source = 0, from_peers = 0, from_mirrors = 0, reused = 0;
  std::optional<unsigned> percent_of_ideal;   // the mean over the machines that fetch it, or fetched it
  std::optional<std::uint64_t> seconds_left;  // until the slowest that moves has it
  std::vector<SlowMachine> slowest;           // ten at most, the slowest first
  bool operator==(const ReleaseView&) const = default;

  static constexpr std::size_t most_slow = 10;
  /// How often the sources sent the whole release, in copies.
  double copies() const { return facts.size > 0 ? static_cast<double>(from_source) / static_cast<double>(facts.size) : 0; }
  CurveValues values() const { return {all.complete, all.fetching, all.failed, from_source, from_peers, from_mirrors, reused}; }
};

using ReleaseViews = std::unordered_map<ReleaseId, ReleaseView>;

/// One pass over the machines. `now` tells who went silent in the middle.
ReleaseViews summarise(const std::vector<ReleaseFacts>& releases, const Machines& machines, WallTime now);
Json to_json(const ReleaseView& view);
Json to_json(const CurvePoint& point);

}  // namespace shoal::overview
