// All that the page asks of the tracker.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "manifest/trust.hpp"
#include "registry/messages.hpp"

namespace shoal::page {

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

/// Thread-safe. Calls that return a Result may block on the disk; the others hold the tracker's locks only for moments.
class Facts {
 public:
  virtual ~Facts() = default;
  virtual std::string fleet() const = 0;
  virtual Result<std::vector<registry::MachineRow>> machines() = 0;
  virtual Result<std::vector<ReleaseFacts>> releases() = 0;
  virtual Result<std::vector<ChannelFacts>> channels() = 0;
  /// Those that came after `serial`, which becomes that of the newest.
  virtual std::vector<ReportFacts> reports_since(std::uint64_t& serial) = 0;
  virtual std::vector<Presence> present(const InfoHash& content) = 0;
  virtual TrackerFacts tracker() = 0;

  virtual Result<std::string> envelope(const ReleaseId& release) = 0;
  virtual Result<std::vector<registry::HistoryRow>> history(const ModelName& model, const ChannelName& channel) = 0;
  virtual std::shared_ptr<const manifest::Verifier> verifier() = 0;
};

}  // namespace shoal::page
