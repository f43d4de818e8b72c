#include "node/stall_view.hpp"

#include <doctest/doctest.h>

#include "node/agent_view.hpp"

using namespace shoal;
using namespace shoal::node;
using namespace std::chrono_literals;
using fanout::Stall;
using fanout::StallReason;

namespace {

const Stall moving;
const Stall waiting{StallReason::no_peers, false, 7s, "no peers (the tracker names none)"};
const Stall stalled{StallReason::no_peers, true, 125s, "no peers (the tracker names none)"};
const Stall refused{StallReason::refused, true, 200s, "the peers refuse (2 peers choking, 0 requests rejected)"};

}  // namespace

TEST_CASE("a fetch of which nothing arrives waits, and then is stalled") {
  CHECK(stall_text(moving).empty());
  CHECK(stall_text(waiting) == "waiting: no peers (the tracker names none)");
  CHECK(stall_text(stalled) == "stalled for 2m05s: no peers (the tracker names none)");
}

TEST_CASE("JSON has the reason by name, and the same words can be made of it") {
  CHECK(stall_json(moving).is_null());
  CHECK(stall_json(stalled) == Json{{"reason", "no_peers"}, {"stalled", true}, {"seconds", 125}, {"text", stalled.text}});
  for (const Stall& each : {waiting, stalled, refused}) CHECK(stall_text(stall_json(each)) == stall_text(each));
}

TEST_CASE("a stall is news when it begins, when its reason changes, and when it ends") {
  StallNews news;
  CHECK_FALSE(news.next(moving));
  CHECK_FALSE(news.next(waiting));
  auto begun = news.next(stalled);
  REQUIRE(begun);
  CHECK(begun->stalled);
  CHECK(begun->text == "stalled for 2m05s: no peers (the tracker names none)");
  CHECK(begun->line["type"] == "stalled");
  CHECK(begun->line["reason"] == "no_peers");
  CHECK_FALSE(news.next(stalled));
  auto changed = news.next(refused);
  REQUIRE(changed);
  CHECK(changed->reason == "refused");
  auto ended = news.next(moving);
  REQUIRE(ended);
  CHECK_FALSE(ended->stalled);
  CHECK(ended->text == "goes on after 3m20s without data");
  CHECK(ended->line == Json{{"type", "resumed"}, {"reason", "refused"}, {"was", "refused"}, {"seconds", 200}});
  CHECK_FALSE(news.next(moving));
}

TEST_CASE("a report names the stall and says it in words that do not change with each second") {
  AgentView view;
  ChannelView channel{{ModelName::trusted("acme/llama"), ChannelName::trusted("main")}, {}, "", "", swarm::Progress{}};
  channel.progress->stall = stalled;
  view.channels.push_back(channel);
  const auto report = report_of(view, "shoal");
  CHECK(report.subscriptions[0].stall == "no_peers");
  CHECK(report.subscriptions[0].reason == "stalled: no peers");

  view.channels[0].progress->stall = waiting;  // the tracker hears of stalls only
  CHECK(report_of(view, "shoal").subscriptions[0].stall.empty());
  CHECK(report_of(view, "shoal").subscriptions[0].reason.empty());

  view.channels[0].progress->stall = stalled;
  view.channels[0].track.reason = "cannot write a.bin";  // what failed before says more
  CHECK(report_of(view, "shoal").subscriptions[0].reason == "cannot write a.bin");
  CHECK(report_of(view, "shoal").subscriptions[0].stall == "no_peers");
}

TEST_CASE("status shows the reason in place of rate and time") {
  AgentView view;
  ChannelView channel{{ModelName::trusted("acme/llama"), ChannelName::trusted("main")}, {}, "", "", swarm::Progress{}};
  channel.track.phase = Phase::fetching;
  channel.progress->size = 100;
  channel.progress->done = 43;
  channel.progress->stall = stalled;
  view.channels.push_back(channel);
  const std::string text = status_text(to_json(view, WallTime{}));
  CHECK(text.find("fetching 43 %, stalled for 2m05s: no peers (the tracker names none)") != std::string::npos);
  CHECK(text.find("B/s") == std::string::npos);
}
