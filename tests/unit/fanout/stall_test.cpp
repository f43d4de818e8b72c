#include "fanout/stall.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace shoal;
using namespace shoal::fanout;
using namespace std::chrono_literals;

namespace {

const SteadyTime begun{1h};

StallFacts facts(void (*change)(StallFacts&)) {
  StallFacts made;
  made.quiet = 30s;
  made.tracker_answered = true;
  change(made);
  return made;
}

struct Row {
  const char* situation;
  StallFacts facts;
  StallReason reason;
  const char* text;
};

const std::vector<Row> table{
    {"nobody is there", facts([](StallFacts&) {}), StallReason::no_peers, "no peers (the tracker names none)"},
    {"the tracker is away", facts([](StallFacts& f) { f.tracker_problem = "https://t:1: Connection refused"; }), StallReason::tracker,
     "no peers, and no answer from the tracker (https://t:1: Connection refused)"},
    {"the tracker has not answered yet", facts([](StallFacts& f) { f.tracker_answered = false; }), StallReason::tracker,
     "no peers, and no answer from the tracker (it has not answered yet)"},
    {"the tracker names who is gone", facts([](StallFacts& f) { f.named = 3; }), StallReason::unreachable,
     "the peers cannot be reached (the tracker names 3)"},
    {"peers are as empty as we are", facts([](StallFacts& f) { f.connected = 2; }), StallReason::no_pieces,
     "no peer has what is missing (2 peers connected)"},
    {"a tracker that is away matters only without peers",
     facts([](StallFacts& f) { f.connected = 1, f.tracker_problem = "Connection refused"; }), StallReason::no_pieces,
     "no peer has what is missing (1 peer connected)"},
    {"a source shows nothing", facts([](StallFacts& f) { f.connected = 2, f.sources = 1; }), StallReason::not_granted,
     "the source grants nothing (1 source connected)"},
    {"what was asked for is rejected, and then not there any more",
     facts([](StallFacts& f) { f.connected = 1, f.sources = 1, f.rejected = 14; }), StallReason::refused,
     "the peers refuse (0 peers choking, 14 requests rejected)"},
    {"all who have it choke us", facts([](StallFacts& f) { f.connected = 3, f.useful = 2, f.choking = 2; }), StallReason::refused,
     "the peers refuse (2 peers choking, 0 requests rejected)"},
    {"all who have it reject our requests", facts([](StallFacts& f) { f.connected = 1, f.useful = 1, f.rejected = 1; }),
     StallReason::refused, "the peers refuse (0 peers choking, 1 request rejected)"},
    {"one who has it is asked in vain", facts([](StallFacts& f) { f.connected = 3, f.useful = 2, f.choking = 1, f.asked = 1; }),
     StallReason::silent, "the peers send nothing (1 peer asked)"},
    {"nobody is asked for what is there", facts([](StallFacts& f) { f.connected = 3, f.useful = 2; }), StallReason::not_asked,
     "no requests to peers (2 peers with something that is missing)"},
    {"a limit of a block in two minutes", facts([](StallFacts& f) { f.connected = 1, f.useful = 1, f.asked = 1, f.download_limit = 136; }),
     StallReason::throttled, "the download limit (136 B/s)"},
    {"a limit that would let blocks through by now",
     facts([](StallFacts& f) { f.connected = 1, f.useful = 1, f.asked = 1, f.download_limit = 100'000; }), StallReason::silent,
     "the peers send nothing (1 peer asked)"},
    {"the one whom the tracker names is gone", facts([](StallFacts& f) { f.named = 1, f.named_at = "10.0.0.1:7000"; }),
     StallReason::unreachable, "the peers cannot be reached (the tracker names 1, at 10.0.0.1:7000)"},
    {"all whom the tracker names are gone", facts([](StallFacts& f) { f.named = 2, f.named_at = "[fd00::1]:7000"; }),
     StallReason::unreachable, "the peers cannot be reached (the tracker names 2, one of them at [fd00::1]:7000)"},
    {"a limit slows handshakes down, too", facts([](StallFacts& f) { f.greeting = 1, f.named = 1, f.download_limit = 1; }),
     StallReason::throttled, "the download limit (1 B/s)"},
    {"a limit is no reason while nobody is there", facts([](StallFacts& f) { f.named = 2, f.download_limit = 1; }),
     StallReason::unreachable, "the peers cannot be reached (the tracker names 2)"},
    {"the disk does not keep up", facts([](StallFacts& f) { f.connected = 1, f.useful = 1, f.asked = 1, f.disk_busy = true; }),
     StallReason::disk, "the disk (blocks that arrived wait to be written)"},
    {"the disk is full", facts([](StallFacts& f) { f.connected = 1, f.disk_problem = "cannot write a.bin: No space left on device"; }),
     StallReason::disk, "the disk (cannot write a.bin: No space left on device)"},
    {"the disk fails while it is checked", facts([](StallFacts& f) { f.checking = true, f.disk_problem = "EIO"; }), StallReason::disk,
     "the disk (EIO)"},
    {"the check does not get on", facts([](StallFacts& f) { f.checking = true; }), StallReason::checking, "files on this disk are checked"},
};

/// A look at a fetch that waits for peers.
void look(StallJudge& judge, SteadyTime now) {
  judge.look(facts([](StallFacts&) {}), now);
}

}  // namespace

TEST_CASE("each situation has its reason and its words") {
  for (const Row& row : table) {
    CAPTURE(row.situation);
    CHECK(name(reason_of(row.facts)) == name(row.reason));
    CHECK(text_of(row.reason, row.facts) == row.text);
  }
}

TEST_CASE("the table has every reason") {
  std::set<StallReason> seen{StallReason::none};
  for (const Row& row : table) seen.insert(row.reason);
  CHECK(seen.size() == stall_reasons);
}

TEST_CASE("names are different and short, and every reason has one") {
  std::set<std::string_view> names, sentences;
  for (std::size_t i = 0; i < stall_reasons; ++i) {
    const std::string_view one = name(static_cast<StallReason>(i));
    CHECK(one.size() <= 16);
    CHECK(one.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
    names.insert(one);
    sentences.insert(words(static_cast<StallReason>(i)));
  }
  CHECK(names.size() == stall_reasons);
  CHECK(sentences.size() == stall_reasons);
}

TEST_CASE("what a tracker or a disk says is cut, and cannot draw on the terminal") {
  StallFacts made = facts([](StallFacts&) {});
  made.tracker_problem = "\x1b[31m" + std::string(10'000, 'x');
  const std::string text = text_of(reason_of(made), made);
  CHECK(text.size() <= longest_stall_text);
  CHECK(text.find('\x1b') == std::string::npos);
}

TEST_CASE("a fetch waits after five seconds and is stalled after two minutes") {
  StallJudge judge({}, begun);
  CHECK_FALSE(judge.wants_look(begun + 4s));
  CHECK(judge.wants_look(begun + 5s));
  look(judge, begun + 5s);
  CHECK(judge.stall().reason == StallReason::no_peers);
  CHECK_FALSE(judge.stall().stalled);
  CHECK_FALSE(judge.wants_look(begun + 5500ms));
  look(judge, begun + 119s);
  CHECK_FALSE(judge.stall().stalled);
  look(judge, begun + 120s);
  CHECK(judge.stall().stalled);
  CHECK(judge.stall().quiet == 120s);
}

TEST_CASE("payload ends a stall, and the count begins anew") {
  StallJudge judge({}, begun);
  look(judge, begun + 130s);
  const Stall before = judge.moved(begun + 131s);
  CHECK(before.stalled);
  CHECK(before.text == "no peers (the tracker names none)");
  CHECK(judge.stall().reason == StallReason::none);
  CHECK(judge.stall().text.empty());
  CHECK_FALSE(judge.wants_look(begun + 135s));
  CHECK(judge.wants_look(begun + 136s));
}

TEST_CASE("the reason follows what is seen, and a stall stays one") {
  StallJudge judge({}, begun);
  look(judge, begun + 121s);
  judge.look(facts([](StallFacts& f) { f.connected = 1, f.useful = 1, f.asked = 1; }), begun + 122s);
  CHECK(judge.stall().reason == StallReason::silent);
  CHECK(judge.stall().stalled);
}

TEST_CASE("what could help is tried after 30 s, 30 s more, 60 s more, and at last every five minutes") {
  StallJudge judge({}, begun);
  std::vector<long> tried;
  for (auto second = 1s; second < 1h; second += 1s) {
    const SteadyTime now = begun + second;
    if (judge.wants_look(now)) look(judge, now);
    if (!judge.due(now).empty()) tried.push_back(second.count());
  }
  REQUIRE(tried.size() > 7);
  CHECK(std::vector(tried.begin(), tried.begin() + 7) == std::vector<long>{30, 60, 120, 240, 480, 780, 1080});
}

TEST_CASE("payload takes the back-off back") {
  StallJudge judge({}, begun);
  for (auto second = 1s; second < 600s; second += 1s) {
    look(judge, begun + second);
    (void)judge.due(begun + second);
  }
  judge.moved(begun + 600s);
  CHECK(judge.due(begun + 631s).empty());  // nothing is wrong any more
  look(judge, begun + 631s);
  CHECK_FALSE(judge.due(begun + 631s).empty());
}

TEST_CASE("what is tried fits the reason") {
  const auto has = [](StallReason reason, bool again, Remedy remedy) {
    const auto all = remedies_for(reason, again);
    return std::find(all.begin(), all.end(), remedy) != all.end();
  };
  CHECK(has(StallReason::no_peers, false, Remedy::announce));
  CHECK(has(StallReason::tracker, false, Remedy::redial));
  CHECK(has(StallReason::unreachable, false, Remedy::redial));
  CHECK(has(StallReason::silent, false, Remedy::renew_links));
  CHECK(has(StallReason::refused, false, Remedy::renew_links));
  CHECK(has(StallReason::not_granted, false, Remedy::renew_links));
  CHECK(has(StallReason::disk, false, Remedy::resume));
  // Peers who only wait as we do keep their links at first.
  CHECK_FALSE(has(StallReason::no_pieces, false, Remedy::renew_links));
  CHECK(has(StallReason::no_pieces, true, Remedy::renew_links));
  // Nothing helps against one's own limit, or shortens a check.
  CHECK(remedies_for(StallReason::throttled, true).empty());
  CHECK(remedies_for(StallReason::checking, true).empty());
  for (const StallReason reason : {StallReason::tracker, StallReason::no_peers, StallReason::unreachable, StallReason::no_pieces,
                                   StallReason::not_granted, StallReason::refused, StallReason::silent, StallReason::not_asked})
    CHECK(has(reason, false, Remedy::mirrors));
}

TEST_CASE("a shorter time to a stall shortens the way to the first try") {
  StallJudge judge({.waits_after = 1s, .stalls_after = 8s}, begun);
  look(judge, begun + 1s);
  CHECK(judge.due(begun + 1900ms).empty());
  CHECK_FALSE(judge.due(begun + 2s).empty());
  look(judge, begun + 8s);
  CHECK(judge.stall().stalled);
}
