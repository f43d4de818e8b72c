// The lines that a running node prints: for people, and with --json for programs.
#pragma once

#include "cli/output.hpp"
#include "node/puller.hpp"
#include "node/stall_view.hpp"
#include "node/track.hpp"

namespace shoal::node {

/// One thread at a time.
class AgentOutput {
 public:
  explicit AgentOutput(cli::Output& out) : out_(out) {}

  void running(std::uint16_t port, std::size_t serving, std::size_t follows, const std::string& gateway);
  void fetching(const ChannelKey& key, const Track& track);
  void fetched(const ReleaseId& id, const PullReport& report);
  void stalled(const ChannelKey& key, const std::string& version, const ReleaseId& id, const StallNews::News& news);
  void activated(const ChannelKey& key, const Track& track, const fs::path& link);
  void failed(const ChannelKey& key, const Track& track, const Error& error);
  void halted(const ChannelKey& key, const Track& track);

 private:
  cli::Output& out_;
};

}  // namespace shoal::node
