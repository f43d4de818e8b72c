// Removes from the shelf what nothing refers to: the same code in a running node and in `shoal gc` without one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "node/retention.hpp"
#include "node/track.hpp"

namespace shoal::node {

/// The releases and bytes that a collection removed, or would remove.
struct GcReport {
  struct Removed {
    ReleaseId release;
    std::string title;
    ByteCount bytes = 0;
  };
  bool dry_run = false;
  std::vector<Removed> removed;
  std::vector<ReleaseId> unfinished;          // fetches that were begun and that no channel wants
  ByteCount bytes_freed = 0, bytes_held = 0;  // of whole releases
};

/// Blocks on the disk; one thread at a time, the one that decides what is fetched and switched to.
class Collector {
 public:
  /// The caller's knowledge beyond the disk, and how it lets go of a release. Called by collect() only.
  struct Owner {
    std::function<bool(const ReleaseId&)> in_use;                    // fetched, switched to or read by a peer at this moment
    std::function<bool(const ReleaseId&)> is_wanted;                 // by a channel, so that its unfinished fetch goes on
    std::function<Status(const ModelName&, const ReleaseId&)> hide;  // from readers outside, before the files go
    std::function<void(const ReleaseId&)> stop_serving;
  };

  /// `shelf` outlives this.
  Collector(Shelf& shelf, RetentionPolicy policy, Owner owner);

  /// Removes what `choose_removals` names, and unfinished fetches. Within a quota it makes `wanted_besides` bytes of room as well. With
  /// `dry_run` it removes nothing. After an error it has removed some; the next call goes on.
  Result<GcReport> collect(bool dry_run, ByteCount wanted_besides, WallTime now);

 private:
  Result<std::vector<HeldRelease>> survey(WallTime now) const;
  Status remove(const ReleaseId& id);
  Result<std::vector<ReleaseId>> drop_unfinished(bool dry_run);

  Shelf& shelf_;
  const RetentionPolicy policy_;
  const Owner owner_;
};

/// The owner where no node runs: what the last one noted of its channels keeps what it wanted.
Collector::Owner owner_by_tracks(const std::map<ChannelKey, Track>& tracks);

}  // namespace shoal::node
