#include "seeder/watched_root.hpp"

#include <doctest/doctest.h>

#include "support/publishing_machine.hpp"

namespace shoal::seeder {
namespace {

using publisher::testing::Machine;
using publisher::testing::write;
using std::chrono::minutes;
using std::chrono::seconds;

/// A file server, and a rule that takes what has its marker.
struct Site {
  explicit Site(const std::string& settings = "") {
    auto rule =
        test::must(WatchRule::parse(nas.path().string() + "/{org}/{name}/{version} complete=marker:DONE channel=main " + settings, {}));
    root.emplace(rule, WatchOptions{}, machine.session(), machine.tracker(), machine.signer(), machine.out(), std::stop_token());
  }
  fs::path at(const std::string& version) const { return nas.path() / "acme/llama" / version; }
  void lay_down(const std::string& version, const std::string& bytes) {
    write(at(version) / "weights.bin", bytes);
    write(at(version) / "DONE", "");
  }
  void look_later() {
    machine.clock().advance(minutes(1));
    root->turn();
  }
  std::size_t registered() { return machine.memory().versions.size(); }
  std::size_t sources() { return test::must(publisher::Sources(machine.state()).list()).size(); }

  Machine machine;
  TempDirectory nas;
  std::optional<WatchedRoot> root;
};

TEST_CASE("a complete directory is published once, and what is not complete is not") {
  Site site;
  site.lay_down("1.0", "first");
  write(site.at("2.0") / "weights.bin", "half");
  for (int look = 0; look < 3; ++look) site.look_later();
  CHECK(site.registered() == 1);
  CHECK(site.sources() == 1);
  CHECK(site.machine.memory().channels.size() == 1);
  CHECK_FALSE(fs::exists(site.machine.state() / "hashing" / crypto::sha256(site.at("1.0").string()).hex()));
}

TEST_CASE("two directories that differ in one byte are two versions") {
  Site site;
  site.lay_down("1.0", std::string(1000, 'a'));
  site.lay_down("2.0", std::string(999, 'a') + "b");
  site.look_later();
  CHECK(site.registered() == 2);
  CHECK(site.sources() == 2);
}

TEST_CASE("a file that is replaced during hashing drops the publication, and it is tried again") {
  Site site;
  site.lay_down("1.0", "first");
  int asked = 0;
  site.machine.memory().before = [&](const http::ClientRequest& request) -> Status {
    // The second question about the version comes when the files have been listed.
    if (request.target.ends_with("/versions/1.0") && ++asked == 2) write(site.at("1.0") / "weights.bin", "other");
    return {};
  };
  site.look_later();
  CHECK(site.registered() == 0);
  site.look_later();
  CHECK(site.registered() == 1);
}

TEST_CASE("a tracker that does not answer costs time and nothing else") {
  Site site;
  site.lay_down("1.0", "first");
  site.machine.memory().before = [](const http::ClientRequest&) -> Status { return fail(ErrorCode::unreachable, "no route"); };
  site.look_later();
  CHECK(site.registered() == 0);
  site.machine.memory().before = {};
  site.look_later();
  CHECK(site.registered() == 1);
}

TEST_CASE("a directory that changes becomes the next revision, and the version before is not served from it any more") {
  Site site("on_change=republish");
  site.lay_down("1.0", "first");
  site.look_later();
  site.lay_down("1.0", "second one");
  site.look_later();
  site.look_later();
  CHECK(site.registered() == 2);
  CHECK(site.sources() == 1);
}

TEST_CASE("a root that is gone for a while publishes nothing twice") {
  Site site;
  site.lay_down("1.0", "first");
  site.look_later();
  const fs::path away = site.nas.path().string() + ".away";
  fs::rename(site.nas.path(), away);
  site.look_later();
  fs::create_directory(site.nas.path());
  site.look_later();
  fs::remove(site.nas.path());
  fs::rename(away, site.nas.path());
  site.look_later();
  CHECK(site.registered() == 1);
  CHECK(site.sources() == 1);
}

TEST_CASE("a heart that waits too long is told of once, and once when it beats again") {
  Heartbeat heart;
  SteadyTime now{};
  CHECK_FALSE(heart.check(now + minutes(10), minutes(1)).has_value());
  heart.beat(now);
  CHECK_FALSE(heart.check(now + seconds(60), minutes(1)).has_value());
  CHECK(heart.check(now + seconds(61), minutes(1)) == true);
  CHECK_FALSE(heart.check(now + seconds(90), minutes(1)).has_value());
  heart.beat(now + seconds(100));
  CHECK(heart.check(now + seconds(101), minutes(1)) == false);
  heart.rest();
  CHECK_FALSE(heart.check(now + minutes(60), minutes(1)).has_value());
}

}  // namespace
}  // namespace shoal::seeder
