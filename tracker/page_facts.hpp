// The page's view of the tracker.
#pragma once

#include "http/server.hpp"
#include "tracker/admission.hpp"
#include "tracker/catalog.hpp"
#include "tracker/node_reports.hpp"
#include "tracker/page/facts.hpp"
#include "tracker/peer_store.hpp"
#include "tracker/trust_roots.hpp"

namespace shoal::tracker {

/// Everything outlives it.
struct PageSources {
  FleetName fleet;
  Admission& admission;
  Catalog& catalog;
  FreshnessDesk& freshness;
  NodeReports& reports;
  const PeerStore& peers;
  TrustRoots& roots;
  const http::Server& server;
  identity::CredentialStore& credentials;
};

class PageFacts final : public page::Facts {
 public:
  explicit PageFacts(PageSources sources) : from_(std::move(sources)) {}

  std::string fleet() const override { return from_.fleet.str(); }
  Result<std::vector<registry::MachineRow>> machines() override { return from_.admission.machines(); }
  Result<std::vector<page::ReleaseFacts>> releases() override;
  Result<std::vector<page::ChannelFacts>> channels() override;
  std::vector<page::ReportFacts> reports_since(std::uint64_t& serial) override;
  std::vector<page::Presence> present(const InfoHash& content) override;
  page::TrackerFacts tracker() override;
  Result<std::string> envelope(const ReleaseId& release) override;
  Result<std::vector<registry::HistoryRow>> history(const ModelName& model, const ChannelName& channel) override;
  std::shared_ptr<const manifest::Verifier> verifier() override { return from_.roots.verifier(); }

 private:
  PageSources from_;
};

}  // namespace shoal::tracker
