// The whole of a machine's dealings with its tracker, over real TLS.
#include <atomic>
#include <barrier>
#include <thread>

#include "doctest/doctest.h"
#include "running_fleet.hpp"

using namespace shoal;
using namespace shoal::test;
using identity::Role;

namespace {

template <class T>
ErrorCode code_of(const Result<T>& result) {
  REQUIRE_FALSE(result.ok());
  return result.error().code;
}

ReleaseId publish(RunningFleet& fleet, MemberClient& publisher) {
  auto envelope = fleet.signed_release();
  must(publisher.client.publish(model, version, envelope.encode(), metainfo));
  return must(ReleaseId::from_raw(crypto::sha256(envelope.payload).view()));
}

}  // namespace

TEST_CASE("a checkpoint is published, found and announced by machines that joined") {
  RunningFleet fleet;
  fleet.start();
  auto seeder = fleet.join(Role::seeder), first = fleet.join(Role::node, "east"), second = fleet.join(Role::node, "west");

  ReleaseId id = publish(fleet, *seeder);
  auto found = must(first->client.release(model, version));
  CHECK(found.id == id);
  auto verifier = must(manifest::Verifier::restore(fleet.trust_root()));
  auto release = must(verifier.release(must(manifest::SignedEnvelope::decode(found.envelope, manifest::release_limit)), model, id));
  CHECK(must(first->client.release(id)).envelope == found.envelope);
  CHECK(must(first->client.metainfo(id, release->swarm.metainfo_size)) == metainfo);
  CHECK(must(first->client.versions(model)).size() == 1);

  must(seeder->client.set_channel(model, stable, fleet.pointer(id, 1).encode()));
  CHECK(must(second->client.channel(model, stable)) == must(second->client.channels(model)).at(0).envelope);
  CHECK(code_of(seeder->client.set_channel(model, stable, fleet.pointer(id, 0).encode())) != ErrorCode::usage);

  InfoHash info_hash = release->swarm.info_hash;
  CHECK(must(seeder->client.announce(announcement(seeder->id(), info_hash, 7000, 0))).peers.empty());
  auto one = must(first->client.announce(announcement(first->id(), info_hash, 7001, 1000)));
  REQUIRE(one.peers.size() == 1);
  CHECK(one.peers[0].id == seeder->id());
  CHECK(one.peers[0].address == HostPort{"127.0.0.1", 7000});
  auto two = must(second->client.announce(announcement(second->id(), info_hash, 7002, 1000)));
  CHECK(two.peers.size() == 2);
  CHECK(must(first->client.announce(announcement(first->id(), info_hash, 7001, 1000))).peers.size() == 2);

  auto status = must(first->client.status());
  CHECK(status.fleet == fleet.fleet.name());
  REQUIRE(status.swarms.size() == 1);
  CHECK(status.swarms[0].id == id);
  CHECK(status.swarms[0].seeders == 1);
  CHECK(status.swarms[0].leechers == 2);
  REQUIRE(status.machines.size() == 3);
  CHECK(status.machines[1].site == "east");

  auto stop = announcement(second->id(), info_hash, 7002, 0);
  stop.event = "stopped";
  CHECK(must(second->client.announce(stop)).peers.empty());
  CHECK(must(first->client.status()).swarms[0].leechers == 1);
}

TEST_CASE("a machine renews its certificate and goes on under the same name") {
  RunningFleet fleet;
  fleet.start();
  auto node = fleet.join(Role::node);
  auto request = identity::make_request();
  std::string pem = must(node->client.renew(request.request_pem));
  auto credentials = must(identity::make_credentials(request.key_pem, pem, fleet.fleet.authority().certificate_pem()));
  CHECK(credentials.self.identity.id == node->id());
  MemberClient renewed(credentials, fleet.port());
  CHECK(renewed.client.status().ok());
  SUBCASE("one that never enrolled here does not") {
    auto stranger = fleet.member(Role::node, 50);
    CHECK(code_of(stranger->client.renew(request.request_pem)) == ErrorCode::not_enrolled);
  }
}

TEST_CASE("of a hundred machines that race for one token over the network, exactly one is let in") {
  RunningFleet fleet;
  fleet.start();
  auto token = fleet.token(Role::node);
  constexpr int racers = 100;
  std::vector<std::string> requests;
  for (int i = 0; i < racers; ++i) requests.push_back(identity::make_request().request_pem);
  std::barrier start(racers);
  std::atomic<int> let_in{0}, refused{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < racers; ++i)
      threads.emplace_back([&, i] {
        start.arrive_and_wait();
        auto reply = fleet.enrol(token, requests[static_cast<std::size_t>(i)]);
        if (reply.ok()) ++let_in;
        else ++refused;
      });
  }
  CHECK(let_in == 1);
  CHECK(refused == racers - 1);
  CHECK(must(fleet.member(Role::admin, 50)->client.status()).machines.size() == 1);
}

TEST_CASE("an address that guesses tokens is told to wait, and a good token of the same address is let in") {
  RunningFleet fleet;
  fleet.start();
  auto guess = fleet.token(Role::node);
  auto good = guess;
  guess.secret = std::string(32, 'x');
  std::string request = identity::make_request().request_pem;
  for (int i = 0; i < 20; ++i) CHECK(code_of(fleet.enrol(guess, request)) == ErrorCode::not_found);
  auto refused = fleet.enrol(guess, request);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("too many") != std::string::npos);
  CHECK(fleet.enrol(good, request).ok());
}

TEST_CASE("a failing announce has status 200 and says why") {
  RunningFleet fleet;
  fleet.start();
  auto seeder = fleet.join(Role::seeder), node = fleet.join(Role::node);
  publish(fleet, *seeder);
  InfoHash known = fleet.release().swarm.info_hash;
  auto body_of = [&](const std::string& target) {
    auto response = node->send("GET", target);
    CHECK(response.status == 200);
    CHECK(response.content_type.starts_with("text/plain"));
    return response.body;
  };
  CHECK(body_of("/announce").starts_with("d14:failure reason"));
  CHECK(body_of("/scrape").starts_with("d14:failure reason"));
  CHECK(body_of(registry::announce_target(announcement(node->id(), InfoHash{}, 7000, 1))).find("unregistered torrent") !=
        std::string::npos);
  CHECK(body_of(registry::announce_target(announcement(seeder->id(), known, 7000, 1))).find("names machine") != std::string::npos);
  CHECK(body_of(registry::announce_target(announcement(node->id(), known, 7000, 1))).find("8:interval") != std::string::npos);
  CHECK(body_of("/scrape?info_hash=" + percent_encode(known.view()) + "&info_hash=" + std::string(20, 'u')) ==
        "d5:filesd20:" + known.raw() + "d8:completei0e10:downloadedi0e11:downloadersi1e10:incompletei1eeee");
}

TEST_CASE("refusals of the registry arrive with their code") {
  RunningFleet fleet;
  fleet.start();
  auto seeder = fleet.join(Role::seeder);
  CHECK(code_of(seeder->client.release(model, version)) == ErrorCode::not_found);
  CHECK(code_of(seeder->client.channel(model, stable)) == ErrorCode::not_found);
  publish(fleet, *seeder);
  auto changed = fleet.release();
  changed.labels["note"] = "changed";
  auto envelope = manifest::sign(manifest::release_type, manifest::encode(changed), {fleet.publisher});
  CHECK(code_of(seeder->client.publish(model, version, envelope.encode(), metainfo)) == ErrorCode::conflict);
  auto forged = manifest::sign(manifest::release_type, envelope.payload, {crypto::PrivateKey::generate()});
  CHECK(code_of(seeder->client.publish(model, version, forged.encode(), metainfo)) == ErrorCode::verification);
  CHECK(seeder->send("GET", "/v1/releases/xyz").status == 400);
  CHECK(seeder->send("GET", "/v1/models/acme/..%2f/versions").status == 400);
  CHECK(seeder->send("PUT", "/v1/models/acme/chat/versions/2.0", "{").status / 100 == 4);
}

TEST_CASE("a tracker that starts again knows its machines, tokens, releases and channels") {
  RunningFleet fleet;
  fleet.start();
  auto seeder = fleet.join(Role::seeder);
  ReleaseId id = publish(fleet, *seeder);
  must(seeder->client.set_channel(model, stable, fleet.pointer(id, 1).encode()));
  auto token = fleet.token(Role::node), used = fleet.token(Role::node);
  must(fleet.enrol(used, identity::make_request().request_pem));
  fleet.stop();
  fleet.start();

  MemberClient again(*seeder->store.current(), fleet.port());
  CHECK(must(again.client.release(model, version)).id == id);
  CHECK(again.client.channel(model, stable).ok());
  CHECK(must(again.client.status()).machines.size() == 2);
  CHECK(again.client.renew(identity::make_request().request_pem).ok());
  CHECK(again.client.announce(announcement(again.id(), fleet.release().swarm.info_hash, 7000, 0)).ok());
  CHECK(fleet.enrol(token, identity::make_request().request_pem).ok());
  CHECK_FALSE(fleet.enrol(used, identity::make_request().request_pem).ok());
}

TEST_CASE("a tracker whose own certificate ran out renews it before it listens") {
  RunningFleet fleet(SystemClock().now() - std::chrono::hours(48));
  fleet.start();
  CHECK(fleet.join(Role::node)->client.status().ok());
  CHECK(must(tracker::load_tracker(fleet.state.path())).credentials.self.not_after > fleet.clock.now());
}

TEST_CASE("a second tracker on the same state or the same port is refused, and the first goes on") {
  RunningFleet fleet, other;
  fleet.start();
  auto twice = tracker::Tracker::start(fleet.options, fleet.clock);
  REQUIRE_FALSE(twice.ok());
  CHECK(twice.error().code == ErrorCode::conflict);
  other.options.listen.port = fleet.port();
  auto clash = tracker::Tracker::start(other.options, other.clock);
  REQUIRE_FALSE(clash.ok());
  CHECK(clash.error().message.find(std::to_string(fleet.port())) != std::string::npos);
  CHECK(fleet.join(Role::node)->client.status().ok());
  other.options.listen.port = 0;
  other.start();  // the failed start left no lock behind
}

TEST_CASE("a directory without a fleet is no place to run a tracker") {
  TempDirectory empty;
  SystemClock clock;
  tracker::TrackerOptions options;
  options.state = empty.path();
  options.listen = {"127.0.0.1", 0};
  auto running = tracker::Tracker::start(options, clock);
  REQUIRE_FALSE(running.ok());
  CHECK(running.error().message.find("fleet init") != std::string::npos);
  CHECK(fs::is_empty(empty.path()));
}
