// All that the page asks of the tracker.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "manifest/trust.hpp"
#include "overview/facts.hpp"
#include "registry/messages.hpp"

namespace shoal::page {

using overview::ChannelFacts;
using overview::Presence;
using overview::ReleaseFacts;
using overview::ReportFacts;
using overview::TrackerFacts;

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
