// The page of a fleet that does not exist: big_fleet STATE MACHINES. Prints a link; each of the machines reports every half minute that it
// has fetched some more. Ends when its standard input does. For tests/e2e/page_big_test.py.
#include <cstdlib>
#include <iostream>

#include "support/must.hpp"
#include "tracker/page/links.hpp"
#include "tracker/page/page.hpp"

namespace shoal::page {
namespace {

constexpr std::size_t reports_every = 30;  // seconds
constexpr ByteCount size = 8'000'000'000;
constexpr std::size_t sites = 40;

class ImaginedFacts final : public Facts {
 public:
  explicit ImaginedFacts(std::size_t count) {
    release_.id.bytes[0] = 1;
    release_.model = ModelName::trusted("acme/llama-edge");
    release_.version = VersionName::trusted("1.4.0");
    release_.size = size;
    release_.created = clock_.now();
    for (std::size_t i = 0; i < count; ++i) {
      registry::MachineRow row;
      row.id = NodeId::trusted("machine" + std::to_string(100000 + i));
      row.name = "gpu-" + std::to_string(i);
      row.site = "site-" + std::to_string(i % sites);
      row.certificate_until = clock_.now() + std::chrono::hours(20);
      rows_.push_back(row);
    }
  }

  std::string fleet() const override { return "imagined"; }
  Result<std::vector<registry::MachineRow>> machines() override { return rows_; }
  Result<std::vector<ReleaseFacts>> releases() override { return std::vector<ReleaseFacts>{release_}; }
  Result<std::vector<ChannelFacts>> channels() override {
    ChannelFacts channel;
    channel.model = release_.model;
    channel.channel = ChannelName::trusted("main");
    channel.release = release_.id;
    channel.expires = clock_.now() + std::chrono::days(60);
    return std::vector<ChannelFacts>{channel};
  }
  std::vector<ReportFacts> reports_since(std::uint64_t& serial) override {
    const std::size_t many = serial == 0 ? rows_.size() : rows_.size() / reports_every;
    std::vector<ReportFacts> reports;
    for (std::size_t i = 0; i < many; ++i)
      reports.push_back({rows_[next_].id, clock_.now(), report(next_, ++serial)}), next_ = (next_ + 1) % rows_.size();
    return reports;
  }
  std::vector<Presence> present(const InfoHash&) override {
    std::vector<Presence> all;
    for (const auto& row : rows_) all.push_back({row.id, false});
    return all;
  }
  TrackerFacts tracker() override { return {}; }
  Result<std::string> envelope(const ReleaseId&) override { return fail(ErrorCode::not_found, "imagined"); }
  Result<std::vector<registry::HistoryRow>> history(const ModelName&, const ChannelName&) override {
    return std::vector<registry::HistoryRow>{};
  }
  std::shared_ptr<const manifest::Verifier> verifier() override { return nullptr; }

 private:
  registry::NodeReport report(std::size_t machine, std::uint64_t serial) const {
    registry::NodeReport report{"shoal 1.0.0", {}};
    const ByteCount done = std::min<ByteCount>(size, serial * 10'000 + machine * 300'000);
    registry::SubscriptionReport row;
    row.model = release_.model;
    row.channel = ChannelName::trusted("main");
    row.phase = done < size ? "fetching" : "active";
    row.wanted = release_.id;
    row.wanted_version = "1.4.0";
    row.done = done;
    row.size = size;
    report.subscriptions.push_back(row);
    registry::TransferReport transfer;
    transfer.release = release_.id;
    transfer.done = done;
    transfer.size = size;
    transfer.from_source = done / 100;
    transfer.from_peers = done - done / 100;
    transfer.rate = 10'000'000 + serial % 1000;
    transfer.peers = 12;
    report.transfers.push_back(transfer);
    report.disk_size = 2'000'000'000'000;
    report.disk_free = 900'000'000'000;
    return report;
  }

  SystemClock clock_;
  ReleaseFacts release_;
  std::vector<registry::MachineRow> rows_;
  std::size_t next_ = 0;
};

int run(const fs::path& state, std::size_t machines) {
  SystemClock clock;
  ImaginedFacts facts(machines);
  auto page = test::must(PageServer::start({{"127.0.0.1", 0}, state}, facts, clock));
  std::cout << page->origin() << std::endl;
  // A link for each line.
  for (std::string line; std::getline(std::cin, line);)
    std::cout << page->origin() << "/#link=" << test::must(make_link(state, clock.now())) << std::endl;
  return 0;
}

}  // namespace
}  // namespace shoal::page

int main(int count, char** words) {
  if (count != 3) return 2;
  return shoal::page::run(words[1], std::strtoul(words[2], nullptr, 10));
}
