#include "tracker/page_facts.hpp"

namespace shoal::tracker {

Result<std::vector<page::ReleaseFacts>> PageFacts::releases() {
  SHOAL_TRY(auto records, from_.catalog.releases());
  std::vector<page::ReleaseFacts> facts;
  for (ReleaseRecord& each : records)
    facts.push_back({each.id, std::move(each.model), std::move(each.version), each.info_hash, each.size, each.created, each.is_withdrawn(),
                     std::move(each.withdrawn_reason)});
  return facts;
}

Result<std::vector<page::ChannelFacts>> PageFacts::channels() {
  std::vector<page::ChannelFacts> facts;
  for (ChannelStanding& each : from_.freshness.standings())
    facts.push_back({std::move(each.state.model), std::move(each.state.channel), each.release, each.state.epoch, each.state.sequence,
                     each.percent, each.halt_percent, each.state.halted, each.expires});
  return facts;
}

std::vector<page::ReportFacts> PageFacts::reports_since(std::uint64_t& serial) {
  std::vector<page::ReportFacts> facts;
  for (NodeReports::Arrived& each : from_.reports.since(serial))
    facts.push_back({std::move(each.machine), each.at, std::move(each.report)});
  return facts;
}

std::vector<page::Presence> PageFacts::present(const InfoHash& content) {
  std::vector<page::Presence> present;
  for (PeerStore::Present& each : from_.peers.present(content)) present.push_back({std::move(each.machine), each.complete});
  return present;
}

page::TrackerFacts PageFacts::tracker() {
  const http::ServerCounters counters = from_.server.counters();
  return {from_.credentials.current()->self.not_after, from_.roots.verifier()->root().expires,
          counters.handshake_failed + counters.refused_certificate, counters.open};
}

Result<std::string> PageFacts::envelope(const ReleaseId& release) {
  SHOAL_TRY(registry::ReleaseReply reply, from_.catalog.release(release));
  return std::move(reply.envelope);
}

Result<std::vector<registry::HistoryRow>> PageFacts::history(const ModelName& model, const ChannelName& channel) {
  return from_.catalog.history(model, channel);
}

}  // namespace shoal::tracker
