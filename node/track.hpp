// What a node remembers of each channel that it follows: STATE/subscriptions/<org>/<name>/<channel>.json, replaced at every step.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "manifest/trust.hpp"
#include "node/lifecycle.hpp"

namespace shoal::node {

using ChannelKey = ChannelRef;

struct Track {
  Phase phase = Phase::idle;
  std::optional<ReleaseId> wanted, active, previous;
  std::string wanted_version, active_version;  // for showing
  std::string reason;                          // why it failed, or what a ready release waits for
  std::string failure;                         // why the last try of `wanted` failed, until one succeeds
  std::string note;                            // what the pointer says of itself: why it went back, or whom it leaves out
  std::uint32_t failures = 0;                  // in a row
  WallTime retry_at;
  std::optional<WallTime> pointer_expires;
  bool halted = false;
  std::optional<manifest::SeenSequence> pointer;  // the one that is in force here
  std::optional<manifest::SeenSequence> tried;    // the one under which the last try began, or the one that is under way

  /// Does the step, or returns false where the table does not allow it.
  bool take(Step step);
};

/// One thread at a time. A track is durable when `save` returns.
class TrackStore {
 public:
  explicit TrackStore(fs::path state) : root_(std::move(state) / "subscriptions") {}
  Status save(const ChannelKey& key, const Track& track) const;
  /// A new track where none was saved; `failed` where the file cannot be read as one.
  Result<Track> load(const ChannelKey& key) const;
  /// All that were saved, also of channels that are not followed any more. What cannot be read is left out.
  std::map<ChannelKey, Track> all() const;
  Status forget(const ChannelKey& key) const;

 private:
  fs::path file(const ChannelKey& key) const;
  fs::path root_;
};

}  // namespace shoal::node
