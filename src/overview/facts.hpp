// Facts about a fleet that its tracker knows, as far as an overview needs them.
#pragma once

#include <string>
#include <vector>

#include "registry/messages.hpp"

namespace shoal::overview {

struct ReleaseFacts {
  ReleaseId id;
  ModelName model;
  VersionName version;
  InfoHash content;
  ByteCount size = 0;
  WallTime created;
  bool withdrawn = false;
  std::string withdrawn_reason = {};
  bool operator==(const ReleaseFacts&) const = default;
};

struct ChannelFacts {
  ModelName model;
  ChannelName channel;
  ReleaseId release;
  std::uint64_t epoch = 0, sequence = 0;
  std::uint32_t percent = 100;     // of the nodes
  std::uint32_t halt_percent = 0;  // 0: it never halts
  bool halted = false;
  WallTime expires = {};
  bool operator==(const ChannelFacts&) const = default;
};

struct ReportFacts {
  NodeId machine;
  WallTime at;
  registry::NodeReport report;
};

/// A machine that announces itself for a release.
struct Presence {
  NodeId machine;
  bool complete = false;
  bool operator==(const Presence&) const = default;
};

struct TrackerFacts {
  WallTime certificate_until = {}, trust_root_until = {};
  std::uint64_t refused_handshakes = 0;  // since the tracker started
  std::size_t connections = 0;
  bool operator==(const TrackerFacts&) const = default;
};

}  // namespace shoal::overview
