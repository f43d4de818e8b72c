// Which releases may go when space is wanted, and how they go.
#pragma once

#include <chrono>
#include <set>
#include <vector>

#include "base/clock.hpp"
#include "node/pins.hpp"
#include "node/shelf.hpp"

namespace shoal::node {

struct HeldRelease {
  ReleaseId id;
  ByteCount bytes = 0;
  WallTime last_used;
  bool active = false;    // a link below models/ points at it
  bool previous = false;  // what a channel would go back to
  bool pinned = false;
  bool in_use = false;  // fetched, switched or repaired right now

  bool protected_now() const { return active || previous || pinned || in_use; }
};

struct RetentionPolicy {
  /// Of all releases together. 0: none.
  ByteCount quota = 0;
  /// Without a quota, what was used later than this stays. With a quota it does not count: the space is wanted.
  std::chrono::seconds min_age{0};
};

/// Pure. Without a quota everything goes that is not protected and is old enough; with a quota no more than what brings the sum below
/// it, and nothing while it is. In the order of removal: longest unused first. Never a protected release.
std::vector<ReleaseId> choose_removals(std::vector<HeldRelease> held, const RetentionPolicy& policy, WallTime now);

/// What the links below models/ point at. An error where any of them cannot be read: then nothing may be removed.
Result<std::set<ReleaseId>> linked_releases(const Shelf& shelf);

/// The releases on the shelf with their size on disk, `last_used` (when it was complete, or the last `mark_used`), `active` and
/// `pinned`; `previous` and `in_use` are the caller's knowledge.
Result<std::vector<HeldRelease>> survey_releases(const Shelf& shelf, const Pins& pins, WallTime now);

/// Sets `last_used`: called for a release that a channel leaves.
Status mark_used(const Shelf& shelf, const ReleaseId& id, WallTime now);

/// Takes a release off the shelf: one rename into trash/, so that it is there whole or not at all; then its manifest and journal
/// go, then the files. Who has a file open keeps it. Code `conflict` where a link below models/ points at it; a release that is
/// not there is fine. The content must not be in a swarm.
Status remove_release(Shelf& shelf, const ReleaseId& id);

/// The same for incoming/<id>, which nobody wants any more. The manifest goes too, unless the release is held.
Status remove_incoming(Shelf& shelf, const ReleaseId& id);

/// Finishes what an earlier run began to remove. Called at start, before anything is fetched.
Status clean_trash(Shelf& shelf);

}  // namespace shoal::node
