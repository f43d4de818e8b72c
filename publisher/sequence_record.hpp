// The highest (epoch, sequence) that this publisher signed for each channel: STATE/published/<org>/<name>/<channel>.json. A tracker that
// was restored from an old backup does not know it, and nodes refuse whatever is lower than what they have seen. A seeder that renews
// pointers keeps in the same form, below STATE/renewed, what the tracker has shown it.
#pragma once

#include <optional>

#include "base/files.hpp"
#include "manifest/trust.hpp"

namespace shoal::publisher {

class SequenceRecord {
 public:
  explicit SequenceRecord(fs::path state, const char* folder = "published") : directory_(std::move(state) / folder) {}

  struct Entry {
    manifest::SeenSequence at;
    std::optional<ReleaseId> release = {};  // that it was signed for; none in records of earlier versions
  };
  /// Zeroes where nothing was signed here yet; an error where the file is damaged.
  Result<Entry> newest(const ModelName& model, const ChannelName& channel) const;
  Result<manifest::SeenSequence> highest(const ModelName& model, const ChannelName& channel) const;
  /// Durable. Never lowers what is there.
  Status note(const ModelName& model, const ChannelName& channel, const Entry& entry) const;

 private:
  fs::path file(const ModelName& model, const ChannelName& channel) const { return directory_ / model.str() / (channel.str() + ".json"); }
  fs::path directory_;
};

}  // namespace shoal::publisher
