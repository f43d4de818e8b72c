// Machines and releases for the tests of the page.
#pragma once

#include "support/must.hpp"
#include "tracker/page/fleet_model.hpp"

namespace shoal::page::test {

inline const WallTime start{std::chrono::seconds(1'700'000'000)};
inline WallTime after(int seconds) { return start + std::chrono::seconds(seconds); }

inline ReleaseId release_id(std::uint8_t number) {
  ReleaseId id;
  id.bytes[0] = number;
  return id;
}
inline ReleaseFacts release(std::uint8_t number, ByteCount size = 1000) {
  ReleaseFacts facts;
  facts.id = release_id(number);
  facts.model = ModelName::trusted("acme/llama");
  facts.version = VersionName::trusted(std::to_string(number));
  facts.size = size;
  facts.created = start;
  return facts;
}
inline NodeId node(int number) { return NodeId::trusted("node" + std::to_string(10000 + number)); }
inline registry::MachineRow row(const NodeId& id, const std::string& site = "", identity::Role role = identity::Role::node) {
  registry::MachineRow row;
  row.id = id;
  row.role = role;
  row.name = "name-of-" + id.str();
  row.site = site;
  row.certificate_until = start + std::chrono::hours(24);
  return row;
}
inline registry::SubscriptionReport follows(const std::string& phase, std::optional<ReleaseId> wanted,
                                            std::optional<ReleaseId> active = {}) {
  registry::SubscriptionReport report;
  report.model = ModelName::trusted("acme/llama");
  report.channel = ChannelName::trusted("main");
  report.phase = phase;
  report.wanted = wanted;
  report.active = active;
  return report;
}
inline registry::TransferReport transfer(std::uint8_t number, ByteCount done, ByteCount source, ByteCount peers, ByteCount rate = 0) {
  registry::TransferReport report;
  report.release = release_id(number);
  report.done = done;
  report.size = 1000;
  report.from_source = source;
  report.from_peers = peers;
  report.rate = rate;
  report.peers = 3;
  return report;
}
inline ReportFacts says(const NodeId& machine, std::vector<registry::SubscriptionReport> subscriptions,
                        std::vector<registry::TransferReport> transfers = {}, WallTime at = start) {
  registry::NodeReport report;
  report.software = "shoal 1";
  report.subscriptions = std::move(subscriptions);
  report.transfers = std::move(transfers);
  return {machine, at, std::move(report)};
}
inline const ReleaseView& view_of(const FleetModel& model, std::uint8_t number) { return model.releases().at(release_id(number)); }

}  // namespace shoal::page::test
