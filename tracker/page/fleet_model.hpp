// The fleet as the page shows it: takes facts, and tells what changed. Pure; one thread at a time.
#pragma once

#include <set>

#include "overview/health.hpp"
#include "tracker/page/facts.hpp"
#include "tracker/page/happenings.hpp"

namespace shoal::page {

using overview::Curve;
using overview::CurvePoint;
using overview::Finding;
using overview::HealthLimits;
using overview::Machines;
using overview::ReleaseView;
using overview::ReleaseViews;

/// An announce is repeated within the tracker's interval; a machine that only announces was seen then.
using Presences = std::unordered_map<ReleaseId, std::vector<Presence>>;

class FleetModel {
 public:
  explicit FleetModel(std::string fleet, HealthLimits limits = {}) : fleet_(std::move(fleet)), limits_(limits) {}

  void set_machines(const std::vector<registry::MachineRow>& rows, WallTime now);
  void set_releases(std::vector<ReleaseFacts> releases);
  void set_channels(std::vector<ChannelFacts> channels);
  void set_tracker(const TrackerFacts& tracker);
  void set_presences(const Presences& presences, WallTime now);
  void take(const ReportFacts& report);
  /// Sums up what changed, and notes how far each release is. To be called about once a second, after the facts.
  void turn(WallTime now);

  /// All of it, as JSON text in one line.
  std::string picture(WallTime now) const;
  /// The changes since the last call, as JSON; empty where there are none.
  std::string changes(WallTime now);

  const Machines& machines() const { return machines_; }
  const ReleaseViews& releases() const { return views_; }
  const std::vector<Finding>& findings() const { return findings_; }
  const Curve* curve(const ReleaseId& release) const;
  /// Links and events of one machine; null where there is none.
  Json details(const NodeId& machine) const;

 private:
  static constexpr std::size_t most_curves = 64;

  void note(const NodeId& machine);
  void draw(WallTime now);
  void look_for_trouble(WallTime now);
  Json curves() const;
  std::string rows(const std::set<NodeId>* only) const;

  const std::string fleet_;
  const HealthLimits limits_;
  Machines machines_;
  std::unordered_map<NodeId, std::string> encoded_;  // each machine's row, so that it is encoded once for all readers
  std::vector<ReleaseFacts> facts_;
  ReleaseViews views_;
  std::vector<ChannelFacts> channels_;
  TrackerFacts tracker_;
  std::unordered_map<ReleaseId, Curve> curves_;
  Happenings happenings_;
  std::vector<Finding> findings_;

  // Changes that the readers have not got yet.
  std::set<NodeId> changed_, gone_;
  std::set<ReleaseId> changed_releases_;
  std::unordered_map<ReleaseId, std::vector<CurvePoint>> new_points_;
  bool releases_listed_ = false, channels_changed_ = false, findings_changed_ = false, tracker_changed_ = false;
  bool stale_ = true;  // the sums
  std::uint64_t told_happening_ = 0;
  WallTime examined_{}, summed_{};
};

}  // namespace shoal::page
