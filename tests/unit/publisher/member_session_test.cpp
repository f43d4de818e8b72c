// MemberSession lives in src/swarm; every role but the tracker starts with it.
#include "member/member_session.hpp"

#include <doctest/doctest.h>

#include "support/publishing_machine.hpp"

namespace shoal::publisher {
namespace {

using member::MemberSession;
using testing::Machine;

TEST_CASE("a machine that never joined is told to join") {
  TempDirectory directory;
  SystemClock clock;
  auto session = MemberSession::open(directory.path(), clock, MemberSession::Use::exclusive);
  REQUIRE_FALSE(session.ok());
  CHECK(session.error().code == ErrorCode::not_enrolled);
  CHECK(session.error().message.find("shoal join") != std::string::npos);
  CHECK(fs::is_empty(directory.path()));
}

TEST_CASE("an expired certificate needs a new token") {
  Machine machine;
  ManualClock later(machine.clock().now() + std::chrono::hours(25));
  auto session = MemberSession::open(machine.state(), later, MemberSession::Use::shared);
  REQUIRE_FALSE(session.ok());
  CHECK(session.error().code == ErrorCode::not_enrolled);
  CHECK(session.error().message.find("join again with a new token") != std::string::npos);
}

TEST_CASE("a clock that is far behind is named as the cause") {
  Machine machine;
  ManualClock earlier(machine.clock().now() - std::chrono::hours(25));
  auto session = MemberSession::open(machine.state(), earlier, MemberSession::Use::shared);
  REQUIRE_FALSE(session.ok());
  CHECK(session.error().message.find("clock") != std::string::npos);
}

TEST_CASE("one process owns a state directory, others may share it") {
  Machine owner;
  auto second = MemberSession::open(owner.state(), owner.clock(), MemberSession::Use::exclusive);
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().code == ErrorCode::conflict);
  CHECK(MemberSession::open(owner.state(), owner.clock(), MemberSession::Use::shared).ok());
}

TEST_CASE("a trust root that was changed on disk is refused") {
  Machine machine;
  fs::path file = machine.state() / "identity/trust-root.json";
  std::string text = test::must(read_file(file, 1 * MiB));
  auto envelope = test::must(manifest::SignedEnvelope::decode(text, manifest::trust_root_limit));
  envelope.payload.back() = ' ';
  test::must(write_file_durably(file, envelope.encode()));
  auto session = MemberSession::open(machine.state(), machine.clock(), MemberSession::Use::shared);
  REQUIRE_FALSE(session.ok());
  CHECK(session.error().code == ErrorCode::verification);
}

TEST_CASE("a role that may not is told which roles may") {
  Machine machine(identity::Role::node);
  CHECK(machine.session().require_role({identity::Role::node}, "pull").ok());
  Status refused = machine.session().require_role({identity::Role::seeder}, "seed");
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::not_enrolled);
  CHECK(refused.error().message.find("joined as node and may not seed") != std::string::npos);
  CHECK(refused.error().message.find("role seeder") != std::string::npos);
}

}  // namespace
}  // namespace shoal::publisher
