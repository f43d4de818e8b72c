#include "top/layout.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/must.hpp"
#include "top/columns.hpp"

namespace shoal::top {
namespace {

const WallTime now{std::chrono::seconds(1'700'000'000)};

ReleaseId release_id() {
  ReleaseId id;
  id.bytes[0] = 1;
  return id;
}

registry::NodeRow node(int number, const std::string& phase, ByteCount done, const std::string& name = "") {
  registry::NodeRow row;
  row.machine.id = NodeId::trusted("node" + std::to_string(10000 + number));
  row.machine.name = name.empty() ? "gpu-" + std::to_string(100 + number) : name;
  row.machine.site = "oslo";
  row.machine.certificate_until = now + std::chrono::hours(24);
  row.seen = now - std::chrono::seconds(3);
  row.report.software = "shoal 1";
  registry::SubscriptionReport channel;
  channel.model = ModelName::trusted("acme/llama");
  channel.channel = ChannelName::trusted("main");
  channel.phase = phase;
  channel.wanted = release_id();
  channel.wanted_version = "1.4";
  channel.active_version = phase == "active" ? "1.4" : "1.3";
  if (phase == "active") channel.active = release_id();
  row.report.subscriptions = {channel};
  registry::TransferReport transfer;
  transfer.release = release_id();
  transfer.done = done;
  transfer.size = 1000;
  transfer.from_source = done / 2;
  transfer.rate = done < 1000 ? 100 : 0;
  transfer.peers = 2;
  row.report.transfers = {transfer};
  return row;
}

Picture picture_of(const std::vector<registry::NodeRow>& rows) {
  registry::FleetStatus status;
  status.fleet = shoal::test::must(FleetName::parse("fleet"));
  status.swarms = {{ModelName::trusted("acme/llama"), VersionName::trusted("1.4"), release_id(), 1, 2}};
  Picture picture;
  take(picture, rows, status, now);
  return picture;
}

std::vector<std::string> texts(const Picture& picture, Wish& wish, Size size) {
  std::vector<std::string> lines;
  for (const Line& line : lay_out(picture, wish, size).lines) lines.push_back(text_of(line));
  return lines;
}

std::size_t columns_of(const Line& line) {
  std::size_t sum = 0;
  for (const Span& span : line)
    sum += static_cast<std::size_t>(std::count_if(span.text.begin(), span.text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  return sum;
}

TEST_CASE("80 columns say how far the release is, and what each machine does, the worst first") {
  const Picture picture = picture_of({node(1, "active", 1000), node(2, "fetching", 400), node(3, "failed", 1000)});
  Wish wish;
  const auto lines = texts(picture, wish, {80, 8});
  REQUIRE(lines.size() == 8);
  CHECK(lines[0].starts_with(" fleet  3 machines: 1 failed, 1 fetching, 1 active"));
  CHECK(lines[2] == "acme/llama@1.4               [=======> ]  80%       2/3   1.20   100 B/s      6s");
  CHECK(lines[4] == "gpu-103       oslo     failed   llama 1.3 -> 1.4   [=======] 100%             3s");
  CHECK(lines[5] == "gpu-102       oslo     fetching llama 1.3 -> 1.4   [==>    ]  40%   100 B/s   3s");
  CHECK(lines[6] == "gpu-101       oslo     active   llama 1.4          [=======] 100%             3s");
  CHECK(lines[7].starts_with(" q quit  s sort: state  arrows scroll"));
}

TEST_CASE("no line is longer than the terminal is wide, and there are as many as it is high") {
  std::vector<registry::NodeRow> rows;
  for (int i = 0; i < 40; ++i)
    rows.push_back(node(i, "fetching", 400, i % 2 == 0 ? "\xC3\xB6\xC3\xB6\xC3\xB6" + std::string(100, 'x') : ""));
  const Picture picture = picture_of(rows);
  for (std::size_t width = 1; width < 220; ++width)
    for (const std::size_t height : {1, 2, 3, 5, 24, 60}) {
      Wish wish;
      const Page page = lay_out(picture, wish, {width, height});
      CHECK(page.lines.size() == height);
      for (const Line& line : page.lines) CHECK(columns_of(line) <= width);
    }
}

TEST_CASE("scrolling ends with the last machine") {
  std::vector<registry::NodeRow> rows;
  for (int i = 0; i < 40; ++i) rows.push_back(node(i, "active", 1000));
  const Picture picture = picture_of(rows);
  Wish wish{Sort::name, 1000};
  const auto lines = texts(picture, wish, {80, 24});
  CHECK(lines[22].starts_with("gpu-139"));
  CHECK(wish.first == 22);
}

TEST_CASE("names cannot send the terminal anything") {
  const Picture picture = picture_of({node(1, "active", 1000, "\x1b[2J\x07name")});
  Wish wish;
  for (const std::string& line : texts(picture, wish, {80, 24})) CHECK(line.find('\x1b') == std::string::npos);
}

TEST_CASE("a problem takes the place of the keys") {
  Picture picture = picture_of({node(1, "active", 1000)});
  picture.problem = "the tracker does not answer";
  Wish wish;
  CHECK(texts(picture, wish, {80, 24})[23] == " the tracker does not answer");
}

TEST_CASE("of several fetches the progress is that of all their bytes") {
  auto row = node(1, "fetching", 400);
  row.report.transfers.push_back(row.report.transfers[0]);
  row.report.transfers[1].release.bytes[0] = 2;
  row.report.transfers[1].done = 0;
  row.report.transfers[1].size = 3000;
  CHECK(percent(picture_of({row}).machines.at(row.machine.id)) == 10U);
}

TEST_CASE("a machine that says nothing for five minutes is silent, and one without any report too") {
  auto old = node(1, "active", 1000), never = node(2, "active", 1000);
  old.seen = now - std::chrono::minutes(6);
  never.seen.reset();
  const Picture picture = picture_of({old, never});
  Wish wish;
  CHECK(texts(picture, wish, {80, 24})[0].starts_with(" fleet  2 machines: 2 silent"));
}

TEST_CASE("machines that were removed are not shown any more") {
  Picture picture = picture_of({node(1, "active", 1000), node(2, "active", 1000)});
  registry::FleetStatus status;
  status.fleet = shoal::test::must(FleetName::parse("fleet"));
  take(picture, {node(2, "active", 1000)}, status, now);
  CHECK(picture.machines.size() == 1);
  CHECK(to_json(picture)["machines"].size() == 1);
}

}  // namespace
}  // namespace shoal::top
