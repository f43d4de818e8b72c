#include "identity/renewal.hpp"

#include <atomic>
#include <condition_variable>

#include "doctest/doctest.h"
#include "support/test_fleet.hpp"

using namespace shoal;
using namespace shoal::identity;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 20s;

/// A manual clock that tells how often it was looked at, so that a test knows that a moment has passed unused.
class WatchedClock final : public Clock {
 public:
  explicit WatchedClock(WallTime start) : clock_(start) {}
  WallTime now() const override { return looked(clock_.now()); }
  SteadyTime steady_now() const override { return looked(clock_.steady_now()); }
  WallTime quiet_now() const { return clock_.now(); }

  void advance(std::chrono::seconds by) { clock_.advance(by); }
  /// Until somebody has seen the present time and gone on.
  bool wait_until_seen() {
    std::unique_lock lock(mutex_);
    auto target = looks_ + 3;
    return seen_.wait_for(lock, patience, [&] { return looks_ >= target; });
  }

 private:
  template <class Time>
  Time looked(Time time) const {
    std::lock_guard lock(mutex_);
    ++looks_;
    seen_.notify_all();
    return time;
  }
  ManualClock clock_;
  mutable std::mutex mutex_;
  mutable std::condition_variable seen_;
  mutable std::uint64_t looks_ = 0;
};

constexpr std::chrono::milliseconds often{20};

/// Renews at the fleet's CA, or fails as often as it is told.
class FakeTracker {
 public:
  FakeTracker(const TestFleet& fleet, const WatchedClock& clock) : fleet_(fleet), clock_(clock) {}

  Result<std::string> renew(const std::string& request) {
    std::lock_guard lock(mutex_);
    calls_.push_back(clock_.quiet_now());
    called_.notify_all();
    if (failures_ > 0) {
      --failures_;
      return fail(ErrorCode::unreachable, "the tracker does not answer");
    }
    return fleet_.authority().issue(request, {fleet_.identity(Role::node, id_), clock_.quiet_now(), 3h, {}});
  }
  Renewer::Renew function() {
    return [this](const std::string& request) { return renew(request); };
  }
  bool wait_for_calls(std::size_t count) {
    std::unique_lock lock(mutex_);
    return called_.wait_for(lock, patience, [&] { return calls_.size() >= count; });
  }
  std::vector<WallTime> calls() {
    std::lock_guard lock(mutex_);
    return calls_;
  }
  void fail_next(int count) {
    std::lock_guard lock(mutex_);
    failures_ = count;
  }
  void answer_as(const NodeId& id) {
    std::lock_guard lock(mutex_);
    id_ = id;
  }

 private:
  const TestFleet& fleet_;
  const WatchedClock& clock_;
  std::mutex mutex_;
  std::condition_variable called_;
  std::vector<WallTime> calls_;
  int failures_ = 0;
  NodeId id_ = node_id(1);
};

bool wait_for_generation(const CredentialStore& store, std::uint64_t generation, WatchedClock& clock) {
  for (int i = 0; i < 100 && store.generation() < generation; ++i)
    if (!clock.wait_until_seen()) return false;
  return store.generation() >= generation;
}

struct Bench {
  TestFleet fleet;
  WatchedClock clock{fleet.now()};
  FakeTracker tracker{fleet, clock};
  CredentialStore store{fleet.credentials(Role::node, node_id(1), 3h)};
  std::mutex mutex;
  std::vector<std::string> saved;
  Status save_answer;

  Renewer::Save save() {
    return [this](const Credentials& credentials) {
      std::lock_guard lock(mutex);
      saved.push_back(credentials.self.serial);
      return save_answer;
    };
  }
  std::size_t saves() {
    std::lock_guard lock(mutex);
    return saved.size();
  }
};

}  // namespace

TEST_CASE("renewal comes at two thirds of the life, give or take a tenth") {
  TestFleet fleet;
  Certificate certificate = fleet.node().self;
  auto life = certificate.not_after - certificate.not_before;
  auto share = [&](double random) {
    return std::chrono::duration<double>(renewal_time(certificate, random) - certificate.not_before) / std::chrono::duration<double>(life);
  };
  CHECK(share(0.5) == doctest::Approx(0.6667).epsilon(0.001));
  CHECK(share(0.0) == doctest::Approx(0.5667).epsilon(0.001));
  CHECK(share(0.999999) == doctest::Approx(0.7667).epsilon(0.001));
}

TEST_CASE("credentials are renewed when their time has come, and not before") {
  Bench bench;
  Credentials first = *bench.store.current();
  Renewer renewer(bench.store, bench.clock, bench.tracker.function(), bench.save(), often);
  bench.clock.advance(renewal_time(first.self, 0.0) - bench.clock.quiet_now() - 1s);
  REQUIRE(bench.clock.wait_until_seen());
  CHECK(bench.tracker.calls().empty());

  bench.clock.advance(renewal_time(first.self, 0.999999) - bench.clock.quiet_now() + 1s);
  REQUIRE(bench.tracker.wait_for_calls(1));
  REQUIRE(wait_for_generation(bench.store, 2, bench.clock));
  auto second = bench.store.current();
  CHECK(second->self.not_after == bench.clock.quiet_now() + 3h);
  CHECK(second->key_pem != first.key_pem);
  CHECK(second->self.identity == first.self.identity);
  CHECK(bench.saves() == 1);

  // And again when the new ones are due.
  bench.clock.advance(3h);
  REQUIRE(wait_for_generation(bench.store, 3, bench.clock));
  CHECK(bench.tracker.calls().size() == 2);
}

TEST_CASE("a failed renewal is tried again after five seconds, then ten, then twenty") {
  Bench bench;
  bench.tracker.fail_next(3);
  Renewer renewer(bench.store, bench.clock, bench.tracker.function(), bench.save(), often);
  bench.clock.advance(150min);
  REQUIRE(bench.tracker.wait_for_calls(1));
  std::size_t calls = 1;
  for (auto pause : {5s, 10s, 20s}) {
    REQUIRE(bench.clock.wait_until_seen());
    bench.clock.advance(pause - 1s);
    REQUIRE(bench.clock.wait_until_seen());
    CHECK(bench.tracker.calls().size() == calls);
    bench.clock.advance(1s);
    REQUIRE(bench.tracker.wait_for_calls(++calls));
  }
  REQUIRE(wait_for_generation(bench.store, 2, bench.clock));
  CHECK(bench.tracker.calls().size() == 4);
}

TEST_CASE("the pause between renewals does not grow beyond five minutes") {
  Bench bench;
  bench.tracker.fail_next(1000);
  Renewer renewer(bench.store, bench.clock, bench.tracker.function(), bench.save(), often);
  bench.clock.advance(150min);
  for (std::size_t calls = 1; calls <= 9; ++calls) {
    REQUIRE(bench.tracker.wait_for_calls(calls));
    REQUIRE(bench.clock.wait_until_seen());
    bench.clock.advance(300s);
  }
  CHECK(bench.tracker.wait_for_calls(10));
}

TEST_CASE("an answer for someone else, or that is no certificate, leaves the credentials as they are") {
  Bench bench;
  auto before = bench.store.current()->self.serial;
  Renewer other(bench.store, bench.clock, bench.tracker.function(), bench.save(), often);
  bench.tracker.answer_as(node_id(2));
  CHECK(!other.renew_now().ok());
  TestFleet strangers;
  for (const std::string& answer : {std::string("nonsense"), bench.fleet.node(1).certificate_pem, strangers.node(1).certificate_pem}) {
    Renewer renewer(
        bench.store, bench.clock, [&](const std::string&) { return answer; }, bench.save());
    CHECK(!renewer.renew_now().ok());
  }
  CHECK(bench.store.current()->self.serial == before);
  CHECK(bench.store.generation() == 1);
  CHECK(bench.saves() == 0);
}

TEST_CASE("renewing on demand gives a new key at once") {
  Bench bench;
  auto before = bench.store.current();
  Renewer renewer(bench.store, bench.clock, bench.tracker.function(), bench.save(), often);
  must(renewer.renew_now());
  CHECK(bench.store.generation() == 2);
  CHECK(bench.store.current()->key_pem != before->key_pem);
  CHECK(bench.saved == std::vector{bench.store.current()->self.serial});
}

TEST_CASE("new credentials that cannot be saved are not used while those before are good") {
  Bench bench;
  bench.save_answer = fail(ErrorCode::no_space, "disk full");
  Renewer renewer(bench.store, bench.clock, bench.tracker.function(), bench.save(), often);
  CHECK(renewer.renew_now().error().code == ErrorCode::no_space);
  CHECK(bench.store.generation() == 1);
}

TEST_CASE("what another process of the machine has renewed is taken up, and not renewed again") {
  Bench bench;
  auto key = identity::make_request();
  auto certificate =
      must(bench.fleet.authority().issue(key.request_pem, {bench.fleet.identity(Role::node, node_id(1)), bench.clock.now(), 24h, {}}));
  auto saved = must(make_credentials(key.key_pem, certificate, bench.fleet.authority().certificate_pem()));
  std::atomic<bool> taken{false};
  auto newer = [&]() -> std::optional<Credentials> { return taken.exchange(true) ? std::nullopt : std::optional(saved); };
  Renewer renewer(bench.store, bench.clock, bench.tracker.function(), bench.save(), often, newer);
  REQUIRE(bench.clock.wait_until_seen());
  CHECK(bench.store.current()->self.serial == saved.self.serial);
  CHECK(bench.saves() == 0);
}

TEST_CASE("new credentials that cannot be saved are in force when those before are about to end, and the failure is told") {
  Bench bench;
  bench.clock.advance(std::chrono::minutes(175));
  bench.save_answer = fail(ErrorCode::no_space, "disk full");
  Renewer renewer(bench.store, bench.clock, bench.tracker.function(), bench.save(), often);
  Status renewed = renewer.renew_now();
  REQUIRE(!renewed.ok());
  CHECK(renewed.error().code == ErrorCode::no_space);
  CHECK(bench.store.generation() == 2);
}

TEST_CASE("a tracker whose clock is far behind does not make a node renew without a pause") {
  Bench bench;
  auto stale = [&](const std::string& request) {
    return bench.fleet.authority().issue(request, {bench.fleet.identity(Role::node, node_id(1)), bench.fleet.now(), 3h, {}});
  };
  std::atomic<int> calls{0};
  Renewer renewer(
      bench.store, bench.clock, [&](const std::string& request) { return ++calls, stale(request); }, bench.save());
  bench.clock.advance(150min);
  REQUIRE(wait_for_generation(bench.store, 2, bench.clock));
  REQUIRE(bench.clock.wait_until_seen());
  CHECK(calls == 1);
  bench.clock.advance(5s);
  REQUIRE(wait_for_generation(bench.store, 3, bench.clock));
}

TEST_CASE("a certificate that is not valid now leaves the one in force that is, and is asked for again") {
  for (const std::chrono::hours wrong : {72h, -72h}) {
    CAPTURE(wrong.count());
    Bench bench;
    const auto before = bench.store.current()->self.serial;
    std::chrono::hours off = wrong;
    auto issue = [&](const std::string& request) {
      return bench.fleet.authority().issue(request, {bench.fleet.identity(Role::node, node_id(1)), bench.fleet.now() + off, 3h, {}});
    };
    Renewer renewer(bench.store, bench.clock, issue, bench.save(), often);
    const Status renewed = renewer.renew_now();
    REQUIRE(!renewed.ok());
    CHECK(renewed.error().message.find("compare the clocks") != std::string::npos);
    CHECK(bench.store.current()->self.serial == before);
    CHECK(bench.saves() == 0);
    off = 0h;
    must(renewer.renew_now());
  }
}

TEST_CASE("a certificate that a clock which was ahead issued is renewed at once") {
  const TestFleet fleet;
  const Certificate certificate = fleet.node().self;
  CHECK(is_due(certificate, certificate.not_before - 72h, 0.5));
  CHECK_FALSE(is_due(certificate, certificate.not_before, 0.5));
  CHECK(is_due(certificate, certificate.not_after, 0.5));
}

TEST_CASE("a renewal that throws is a failed one") {
  Bench bench;
  std::atomic<int> calls{0};
  auto throwing = [&](const std::string& request) -> Result<std::string> {
    if (++calls == 1) throw std::runtime_error("unexpected");
    return bench.tracker.renew(request);
  };
  Renewer renewer(bench.store, bench.clock, throwing, bench.save(), often);
  bench.clock.advance(150min);
  REQUIRE(bench.clock.wait_until_seen());
  REQUIRE(bench.clock.wait_until_seen());
  bench.clock.advance(5s);
  CHECK(wait_for_generation(bench.store, 2, bench.clock));
}

TEST_CASE("a renewer that has nothing to do ends at once") {
  Bench bench;
  { Renewer renewer(bench.store, bench.clock, bench.tracker.function(), bench.save(), often); }
  CHECK(bench.tracker.calls().empty());
}
