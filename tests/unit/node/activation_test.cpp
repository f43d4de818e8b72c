#include "node/activation.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "node/shelf.hpp"
#include "support/published.hpp"

using namespace shoal;
using namespace shoal::node;
using test::must;

namespace {

const ChannelKey channel{ModelName::trusted("acme/tiny"), ChannelName::trusted("main")};
const Reference reference{channel.model, std::nullopt, channel.channel};

/// A shelf with two releases, of which none is active.
struct Machine {
  manifest::VerifiedRelease put(const std::string& version) {
    const std::string text = "{\"version\":\"" + version + "\"}";
    manifest::Release release = test::release_of(store::Layout({{"config.json", text.size()}}, 16 * KiB), {crypto::sha256(text)});
    release.version = VersionName::trusted(version);
    release.swarm = test::swarm_of("metainfo", InfoHash{}, 16 * KiB);
    auto verified = publisher.verified(release);
    must(make_directories(shelf.release(verified.id())));
    std::ofstream(shelf.release(verified.id()) / "config.json") << text;
    return verified;
  }
  Switch to(const manifest::VerifiedRelease& release, const std::string& hook, std::optional<ReleaseId> before = {}) {
    return {channel, release, before, {must(parse_hook(hook))}, {}, false};
  }
  std::optional<ReleaseId> linked() const {
    auto id = shelf.linked(reference);
    return id.ok() ? std::optional(*id) : std::nullopt;
  }

  TempDirectory directory;
  Shelf shelf{directory.path()};
  test::Publisher publisher;
  manifest::VerifiedRelease first = put("1.0"), second = put("2.0");
  Activator activator{shelf, nullptr, [this](const ReleaseId& id) -> Result<manifest::VerifiedRelease> {
                        if (id == first.id()) return first;
                        return fail(ErrorCode::not_found, "not on the shelf");
                      }};
};

}  // namespace

TEST_CASE("after a switch whose hook succeeds, the link points at the release") {
  Machine machine;
  must(machine.activator.activate(machine.to(machine.first, "exec:/bin/true"), {}));
  CHECK(machine.linked() == machine.first.id());
}

TEST_CASE("a hook that fails undoes the switch, back to the release before or to none") {
  Machine machine;
  const Status failed = machine.activator.activate(machine.to(machine.first, "exec:/bin/false"), {});
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().message == "hook exec:/bin/false failed (exit 1), without output");
  CHECK_FALSE(machine.linked().has_value());
  must(machine.activator.activate(machine.to(machine.first, "exec:/bin/true"), {}));
  CHECK_FALSE(machine.activator.activate(machine.to(machine.second, "exec:/bin/false", machine.first.id()), {}).ok());
  CHECK(machine.linked() == machine.first.id());
}

TEST_CASE("a stop during a hook is no verdict on the release: the switch stays") {
  Machine machine;
  std::stop_source stop;
  stop.request_stop();
  const Status outcome = machine.activator.activate(machine.to(machine.first, "exec:/bin/sleep 60"), stop.get_token());
  REQUIRE_FALSE(outcome.ok());
  CHECK(outcome.error().code == ErrorCode::interrupted);
  CHECK(machine.linked() == machine.first.id());
}
