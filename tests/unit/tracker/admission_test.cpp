#include "tracker/admission.hpp"

#include <atomic>
#include <barrier>
#include <set>
#include <thread>

#include "base/files.hpp"
#include "crypto/digest.hpp"
#include "doctest/doctest.h"
#include "support/test_fleet.hpp"

using namespace shoal;
using namespace shoal::tracker;
using identity::Role;
using shoal::test::must;

namespace {

struct Desk {
  TempDirectory directory;
  test::TestFleet fleet;
  ManualClock clock{fleet.now()};
  Database database{must(Database::open(directory.path() / "tracker.db"))};
  std::unique_ptr<MachineKeys> keys{must(MachineKeys::open(database, clock))};
  std::unique_ptr<Admission> admission{open()};

  std::unique_ptr<Admission> open() {
    return must(Admission::open(database, fleet.authority(), *keys, clock, {std::chrono::hours(24), [](const Sha256&) {
                                                                              return RootChain{"the trust root", {}};
                                                                            }}));
  }
  identity::JoinToken token(Role role = Role::node, std::uint32_t uses = 1, std::chrono::seconds ttl = std::chrono::hours(1)) {
    FleetPins pins{{"tracker.example", 7443}, fleet.authority().pin(), Sha256{}};
    return must(create_token(database, pins, {role, uses, ttl}, clock.now()));
  }
  static registry::EnrolRequest request(const identity::JoinToken& token, const std::string& csr = identity::make_request().request_pem) {
    return {token.id, token.secret, csr, "gpu-1", "east"};
  }
  Result<registry::EnrolReply> enrol(const registry::EnrolRequest& asked) { return admission->enrol(asked, "10.0.0.1"); }
  NodeId id_of(const registry::EnrolReply& reply) { return must(identity::inspect_pem(reply.certificate_pem)).identity.id; }
  std::size_t machines() { return must(admission->machines()).size(); }
};

ErrorCode code_of(const Result<registry::EnrolReply>& reply) {
  REQUIRE_FALSE(reply.ok());
  return reply.error().code;
}

}  // namespace

TEST_CASE("a token lets a machine in, in the role that the token says") {
  for (Role role : {Role::node, Role::seeder, Role::publisher, Role::admin}) {
    Desk desk;
    auto reply = must(desk.enrol(Desk::request(desk.token(role))));
    auto certificate = must(identity::inspect_pem(reply.certificate_pem));
    CHECK(certificate.identity.fleet == desk.fleet.name());
    CHECK(certificate.identity.role == role);
    CHECK(certificate.not_after == desk.clock.now() + std::chrono::hours(24));
    CHECK(reply.ca_pem == desk.fleet.authority().certificate_pem());
    CHECK(reply.trust_root == "the trust root");
    auto machines = must(desk.admission->machines());
    REQUIRE(machines.size() == 1);
    CHECK(machines[0].id == certificate.identity.id);
    CHECK(machines[0].role == role);
    CHECK(machines[0].name == "gpu-1");
    CHECK(desk.admission->site_of(certificate.identity.id) == "east");
  }
}

TEST_CASE("of a hundred that race for one token, exactly one is let in") {
  Desk desk;
  auto token = desk.token();
  constexpr int racers = 100;
  std::vector<std::string> requests;
  for (int i = 0; i < racers; ++i) requests.push_back(identity::make_request().request_pem);
  std::barrier start(racers);
  std::atomic<int> let_in{0}, refused{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < racers; ++i)
      threads.emplace_back([&, i] {
        auto asked = Desk::request(token, requests[static_cast<std::size_t>(i)]);
        start.arrive_and_wait();
        auto reply = desk.enrol(asked);
        if (reply.ok()) ++let_in;
        else if (reply.error().code == ErrorCode::not_enrolled) ++refused;
      });
  }
  CHECK(let_in == 1);
  CHECK(refused == racers - 1);
  CHECK(desk.machines() == 1);
}

TEST_CASE("two trackers' processes cannot both spend one token") {
  Desk desk;
  auto token = desk.token();
  Database other_database = must(Database::open(desk.directory.path() / "tracker.db"));
  auto other_keys = must(MachineKeys::open(other_database, desk.clock));
  auto other = must(Admission::open(other_database, desk.fleet.authority(), *other_keys, desk.clock, {}));
  CHECK(desk.enrol(Desk::request(token)).ok());
  CHECK(code_of(other->enrol(Desk::request(token), "10.0.0.2")) == ErrorCode::not_enrolled);
}

TEST_CASE("a token with several uses lets that many in, under different names") {
  Desk desk;
  auto token = desk.token(Role::node, 3);
  std::set<NodeId> ids;
  for (int i = 0; i < 3; ++i) ids.insert(desk.id_of(must(desk.enrol(Desk::request(token)))));
  CHECK(ids.size() == 3);
  CHECK(code_of(desk.enrol(Desk::request(token))) == ErrorCode::not_enrolled);
}

TEST_CASE("a token is refused after it expired") {
  Desk desk;
  auto token = desk.token(Role::node, 1, std::chrono::minutes(5));
  desk.clock.advance(std::chrono::seconds(299));
  auto other = desk.token(Role::node, 1, std::chrono::minutes(5));
  CHECK(desk.enrol(Desk::request(token)).ok());
  desk.clock.advance(std::chrono::seconds(300));
  auto late = desk.enrol(Desk::request(other));
  CHECK(code_of(late) == ErrorCode::not_enrolled);
  CHECK(late.error().message.find("expired") != std::string::npos);
  CHECK(desk.machines() == 1);
}

TEST_CASE("an unknown token and a wrong secret get the same words") {
  Desk desk;
  auto token = desk.token();
  auto unknown = token, wrong = token, shorter = token;
  unknown.id[0] = static_cast<char>(unknown.id[0] ^ 1);
  wrong.secret[31] = static_cast<char>(wrong.secret[31] ^ 1);
  shorter.secret.clear();
  auto first = desk.enrol(Desk::request(unknown)), second = desk.enrol(Desk::request(wrong)), third = desk.enrol(Desk::request(shorter));
  CHECK(code_of(first) == ErrorCode::not_found);
  CHECK(code_of(second) == ErrorCode::not_found);
  CHECK(code_of(third) == ErrorCode::not_found);
  CHECK(first.error().message == second.error().message);
  CHECK(desk.enrol(Desk::request(token)).ok());
}

TEST_CASE("a lost answer is given again to the same key for ten minutes, with the same name") {
  Desk desk;
  auto token = desk.token();
  auto asked = Desk::request(token);
  NodeId first = desk.id_of(must(desk.enrol(asked)));
  desk.clock.advance(std::chrono::seconds(599));
  CHECK(desk.id_of(must(desk.enrol(asked))) == first);
  CHECK(desk.machines() == 1);
  CHECK(code_of(desk.enrol(Desk::request(token))) == ErrorCode::not_enrolled);  // another key
  desk.clock.advance(std::chrono::seconds(1));
  CHECK(code_of(desk.enrol(asked)) == ErrorCode::not_enrolled);
}

TEST_CASE("a replay needs the secret, and works though the token expired meanwhile") {
  Desk desk;
  auto token = desk.token(Role::node, 1, std::chrono::minutes(1));
  auto asked = Desk::request(token);
  NodeId first = desk.id_of(must(desk.enrol(asked)));
  desk.clock.advance(std::chrono::minutes(2));
  CHECK(desk.id_of(must(desk.enrol(asked))) == first);
  asked.token_secret[0] = static_cast<char>(asked.token_secret[0] ^ 1);
  CHECK(code_of(desk.enrol(asked)) == ErrorCode::not_found);
}

TEST_CASE("a bad request does not spend the token") {
  Desk desk;
  auto token = desk.token();
  CHECK(code_of(desk.enrol(Desk::request(token, "no PEM"))) == ErrorCode::usage);
  auto named = Desk::request(token);
  named.name = "two\nlines";
  CHECK(code_of(desk.enrol(named)) == ErrorCode::usage);
  named.name = std::string(65, 'n');
  CHECK(code_of(desk.enrol(named)) == ErrorCode::usage);
  CHECK(desk.machines() == 0);
  CHECK(desk.enrol(Desk::request(token)).ok());
}

TEST_CASE("the secret of a token is nowhere in the tracker's files") {
  Desk desk;
  auto token = desk.token();
  must(desk.enrol(Desk::request(token)));
  int files = 0;
  for (const auto& entry : fs::directory_iterator(desk.directory.path())) {
    std::string content = must(read_file(entry.path(), 64 * MiB));
    CHECK(content.find(token.secret) == std::string::npos);
    CHECK(content.find(to_hex(token.secret)) == std::string::npos);
    CHECK(content.find(to_base64url(token.secret)) == std::string::npos);
    ++files;
  }
  CHECK(files >= 1);
}

TEST_CASE("tokens and machines last") {
  Desk desk;
  auto used = desk.token(), fresh = desk.token();
  NodeId id = desk.id_of(must(desk.enrol(Desk::request(used))));
  desk.admission.reset();
  desk.database = must(Database::open(desk.directory.path() / "tracker.db"));
  desk.keys = must(MachineKeys::open(desk.database, desk.clock));
  desk.admission = desk.open();
  CHECK(desk.admission->site_of(id) == "east");
  CHECK(code_of(desk.enrol(Desk::request(used))) == ErrorCode::not_enrolled);
  CHECK(desk.enrol(Desk::request(fresh)).ok());
  CHECK(desk.machines() == 2);
}

TEST_CASE("a certificate is renewed for the same name with a new key") {
  Desk desk;
  auto first = must(identity::inspect_pem(must(desk.enrol(Desk::request(desk.token(Role::seeder)))).certificate_pem));
  desk.clock.advance(std::chrono::hours(16));
  auto renewed = must(identity::inspect_pem(must(desk.admission->renew(first, identity::make_request().request_pem))));
  CHECK(renewed.identity == first.identity);
  CHECK(renewed.serial != first.serial);
  CHECK(renewed.not_after == desk.clock.now() + std::chrono::hours(24));
  CHECK(must(desk.admission->machines())[0].certificate_until == renewed.not_after);
}

TEST_CASE("a key that was replaced and used is not renewed: two hold it, and neither is renewed from then on") {
  Desk desk;
  auto first = must(identity::inspect_pem(must(desk.enrol(Desk::request(desk.token()))).certificate_pem));
  auto renew = [&](const identity::Certificate& by) { return desk.admission->renew(by, identity::make_request().request_pem); };
  auto thief = must(identity::inspect_pem(must(renew(first))));
  auto thief_again = must(identity::inspect_pem(must(renew(thief))));
  SUBCASE("also over a restart of the tracker") {
    desk.keys = must(MachineKeys::open(desk.database, desk.clock)), desk.admission = desk.open();
  }
  auto refused = renew(first);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::not_enrolled);
  CHECK(refused.error().message.find("two hold") != std::string::npos);
  must(desk.keys->save());
  CHECK(must(desk.admission->machines())[0].held_twice == desk.clock.now());
  CHECK_FALSE(renew(thief_again).ok());
  CHECK_FALSE(desk.keys->check(thief_again).ok());
}

TEST_CASE("a machine whose answer was lost asks again with its key, and the certificate that it never had does not count against it") {
  Desk desk;
  auto first = must(identity::inspect_pem(must(desk.enrol(Desk::request(desk.token()))).certificate_pem));
  auto renew = [&](const identity::Certificate& by) { return desk.admission->renew(by, identity::make_request().request_pem); };
  auto lost = must(identity::inspect_pem(must(renew(first))));
  auto got = must(identity::inspect_pem(must(renew(first))));
  CHECK(desk.keys->check(got).ok());
  CHECK(renew(got).ok());
  CHECK_FALSE(must(desk.admission->machines())[0].held_twice);
}

TEST_CASE("requests that were on their way when a machine switched to its new key are served, later ones are noticed") {
  Desk desk;
  auto first = must(identity::inspect_pem(must(desk.enrol(Desk::request(desk.token()))).certificate_pem));
  auto second = must(identity::inspect_pem(must(desk.admission->renew(first, identity::make_request().request_pem))));
  CHECK(desk.keys->check(first).ok());
  CHECK(desk.keys->check(second).ok());
  desk.clock.advance(std::chrono::minutes(1));
  CHECK(desk.keys->check(first).ok());
  desk.clock.advance(std::chrono::minutes(2));
  CHECK_FALSE(desk.keys->check(first).ok());
  CHECK_FALSE(desk.keys->check(second).ok());
}

TEST_CASE("a machine of an earlier version, whose key is not known, is known by its first renewal") {
  Desk desk;
  auto first = must(identity::inspect_pem(must(desk.enrol(Desk::request(desk.token()))).certificate_pem));
  must(desk.database.write([](Session& session) -> Status {
    SHOAL_CHECK(session.run("UPDATE machines SET key = x''"));
    return {};
  }));
  desk.keys = must(MachineKeys::open(desk.database, desk.clock));
  desk.admission = desk.open();
  auto renew = [&](const identity::Certificate& by) { return desk.admission->renew(by, identity::make_request().request_pem); };
  auto second = must(identity::inspect_pem(must(renew(first))));
  CHECK(desk.keys->check(second).ok());
  CHECK_FALSE(renew(first).ok());
}

TEST_CASE("a machine that was not enrolled here, or in another role, is not renewed") {
  Desk desk;
  auto first = must(identity::inspect_pem(must(desk.enrol(Desk::request(desk.token()))).certificate_pem));
  auto stranger = first, promoted = first;
  stranger.identity.id = test::node_id(77);
  promoted.identity.role = Role::admin;
  for (const auto& who : {stranger, promoted}) {
    auto renewed = desk.admission->renew(who, identity::make_request().request_pem);
    REQUIRE_FALSE(renewed.ok());
    CHECK(renewed.error().code == ErrorCode::not_enrolled);
  }
  CHECK_FALSE(desk.admission->renew(first, "no PEM").ok());
}

TEST_CASE("a token for a tracker, without uses or without time is not made") {
  Desk desk;
  FleetPins pins{{"tracker.example", 7443}, desk.fleet.authority().pin(), Sha256{}};
  for (const TokenOrder& order : {TokenOrder{Role::tracker, 1, std::chrono::hours(1)}, TokenOrder{Role::node, 0, std::chrono::hours(1)},
                                  TokenOrder{Role::node, 1, std::chrono::seconds(0)}}) {
    auto token = create_token(desk.database, pins, order, desk.clock.now());
    REQUIRE_FALSE(token.ok());
    CHECK(token.error().code == ErrorCode::usage);
  }
}
