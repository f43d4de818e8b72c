// The word of a model's publishers that a channel is not there any more.
#pragma once

#include "manifest/release.hpp"

namespace shoal::manifest {

/// (epoch, sequence) are of the same order as those of the channel's pointers: no pointer from before brings the channel back.
struct Deletion {
  ModelName model;
  ChannelName channel;
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
  std::string reason;  // for people: who follows the channel is told it; may be empty
  WallTime issued;
  ChannelRef ref() const { return {model, channel}; }
  bool operator==(const Deletion&) const = default;
};

Status check(const Deletion& deletion);
/// The payload bytes of a deletion that passes check().
std::string encode(const Deletion& deletion);
Result<Deletion> decode_deletion(std::string_view payload);

}  // namespace shoal::manifest
