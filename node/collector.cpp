#include "node/collector.hpp"

#include <algorithm>

namespace shoal::node {
namespace {

RetentionPolicy with_room_for(RetentionPolicy policy, ByteCount wanted) {
  if (policy.quota > 0) policy.quota -= std::min(policy.quota - 1, wanted);  // 0 would be no quota
  return policy;
}

}  // namespace

Collector::Collector(Shelf& shelf, RetentionPolicy policy, Owner owner) : shelf_(shelf), policy_(policy), owner_(std::move(owner)) {}

Result<GcReport> Collector::collect(bool dry_run, ByteCount wanted_besides, WallTime now) {
  SHOAL_TRY(const auto held, survey(now));
  std::map<ReleaseId, ByteCount> bytes;
  GcReport report;
  report.dry_run = dry_run;
  for (const HeldRelease& each : held) {
    bytes.emplace(each.id, each.bytes);
    report.bytes_held += each.bytes;
  }
  for (const ReleaseId& id : choose_removals(held, with_room_for(policy_, wanted_besides), now)) {
    report.removed.push_back({id, title_on_disk(shelf_, id), bytes.at(id)});
    report.bytes_freed += bytes.at(id);
    report.bytes_held -= bytes.at(id);
    if (!dry_run) SHOAL_CHECK(remove(id));
  }
  SHOAL_TRY(report.unfinished, drop_unfinished(dry_run));
  return report;
}

Result<std::vector<HeldRelease>> Collector::survey(WallTime now) const {
  SHOAL_TRY(auto held, survey_releases(shelf_, Pins(shelf_.state()), now));
  const auto tracks = TrackStore(shelf_.state()).all();
  for (HeldRelease& each : held) {
    each.in_use = owner_.in_use(each.id);
    for (const auto& [key, track] : tracks) each.previous |= track.previous == each.id;
  }
  return held;
}

/// The manifest is not verified here: only the names to hide follow from it.
Status Collector::remove(const ReleaseId& id) {
  if (auto release = stated_on_disk(shelf_, id); release.ok()) SHOAL_CHECK(owner_.hide(release->model, id));
  owner_.stop_serving(id);
  return remove_release(shelf_, id);
}

Result<std::vector<ReleaseId>> Collector::drop_unfinished(bool dry_run) {
  SHOAL_TRY(auto unfinished, shelf_.begun());
  std::erase_if(unfinished, owner_.is_wanted);
  for (const ReleaseId& id : unfinished)
    if (!dry_run) SHOAL_CHECK(remove_incoming(shelf_, id));
  return unfinished;
}

Collector::Owner owner_by_tracks(const std::map<ChannelKey, Track>& tracks) {
  std::set<ReleaseId> wanted, under_way;
  for (const auto& [key, track] : tracks) {
    if (!track.wanted) continue;
    wanted.insert(*track.wanted);
    if (track.phase != Phase::active) under_way.insert(*track.wanted);
  }
  Collector::Owner owner;
  owner.in_use = [wanted = std::move(wanted)](const ReleaseId& id) { return wanted.contains(id); };
  owner.is_wanted = [under_way = std::move(under_way)](const ReleaseId& id) { return under_way.contains(id); };
  owner.hide = [](const ModelName&, const ReleaseId&) { return Status(); };
  owner.stop_serving = [](const ReleaseId&) {};
  return owner;
}

}  // namespace shoal::node
