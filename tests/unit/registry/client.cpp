#include "registry/client.hpp"

#include "doctest/doctest.h"

namespace shoal::registry {
namespace {

/// Answers every request with the same response and remembers the last one.
struct Script {
  http::ClientRequest last;
  http::Response answer;
  bool down = false;
  int busy = 0;  // so often 503 with Retry-After comes first
  int asked = 0;
};
class ScriptedHttp final : public http::Client {
 public:
  explicit ScriptedHttp(Script& script) : script_(script) {}
  Result<http::Response> send(http::ClientRequest request, const std::stop_token&) override {
    script_.last = std::move(request);
    ++script_.asked;
    if (script_.asked <= script_.busy) {
      http::Response busy{503, "application/json", {}};
      busy.retry_after = std::chrono::seconds(1);
      return busy;
    }
    if (script_.down) return fail(ErrorCode::unreachable, "down");
    return script_.answer;
  }

 private:
  Script& script_;
};

struct Fixture {
  Script script;
  Client client{std::make_unique<ScriptedHttp>(script), std::stop_token()};
  ModelName model = ModelName::trusted("acme/speech");
  VersionName version = VersionName::trusted("1.0+b");
  ReleaseId id = *ReleaseId::from_hex(std::string(64, 'b'));
};

TEST_CASE_FIXTURE(Fixture, "names become path segments, escaped") {
  script.answer.body = encode(ReleaseReply{id, "{}"});
  REQUIRE(client.release(model, version).ok());
  CHECK(script.last.method == "GET");
  CHECK(script.last.target == "/v1/models/acme/speech/versions/1.0%2Bb");
  REQUIRE(client.release(id).ok());
  CHECK(script.last.target == "/v1/releases/" + id.hex());
  CHECK(client.set_channel(model, ChannelName::trusted("stable"), "{}").ok());
  CHECK(script.last.method == "PUT");
  CHECK(script.last.target == "/v1/models/acme/speech/channels/stable");
  CHECK(script.last.body == "{}");
}

TEST_CASE_FIXTURE(Fixture, "a busy tracker is asked again when it says so, for what only asks") {
  script.busy = 1;
  script.answer.body = encode(ReleaseReply{id, "{}"});
  auto began = std::chrono::steady_clock::now();
  CHECK(client.release(id).ok());
  CHECK(std::chrono::steady_clock::now() - began >= std::chrono::seconds(1));
  CHECK(script.asked == 2);
  script = Script();
  script.busy = 1;
  CHECK(client.set_channel(model, ChannelName::trusted("stable"), "{}").error().code == ErrorCode::unreachable);
  CHECK(script.asked == 1);
}

TEST_CASE_FIXTURE(Fixture, "a wait for a busy tracker ends with the stop") {
  std::stop_source stop;
  stop.request_stop();
  Client stopped{std::make_unique<ScriptedHttp>(script), stop.get_token()};
  script.busy = 1;
  CHECK(stopped.release(id).error().code == ErrorCode::interrupted);
}

TEST_CASE_FIXTURE(Fixture, "a publish sends envelope and metainfo in one request") {
  script.answer.status = 201;
  CHECK(client.publish(model, version, "{}", "raw\xff").ok());
  CHECK(script.last.method == "PUT");
  CHECK(decode_publish_request(script.last.body)->metainfo == "raw\xff");
}

TEST_CASE_FIXTURE(Fixture, "a refusal of the tracker keeps its code") {
  script.answer = {409, "application/json", R"({"error":{"code":"conflict","message":"other content"}})"};
  Status status = client.publish(model, version, "{}", "x");
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == ErrorCode::conflict);
  CHECK(status.error().message == "other content");
}

TEST_CASE_FIXTURE(Fixture, "a metainfo of another size than the release names is not taken") {
  script.answer.body = std::string(100, 'm');
  CHECK(client.metainfo(id, 100).ok());
  for (ByteCount size : {0, 99, 101}) {
    auto metainfo = client.metainfo(id, size);
    REQUIRE_FALSE(metainfo.ok());
    CHECK(metainfo.error().code == ErrorCode::verification);
  }
  script.last = {};
  CHECK_FALSE(client.metainfo(id, metainfo_limit + 1).ok());
  CHECK(script.last.target.empty());
}

TEST_CASE_FIXTURE(Fixture, "an unreachable tracker stays unreachable") {
  script.down = true;
  CHECK(client.status().error().code == ErrorCode::unreachable);
  CHECK(client.channel(model, ChannelName::trusted("stable")).error().code == ErrorCode::unreachable);
  CHECK(client.announce({}).error().code == ErrorCode::unreachable);
}

TEST_CASE_FIXTURE(Fixture, "answers that cannot be read are errors") {
  script.answer.body = "<html>welcome to the hotel's wireless network</html>";
  CHECK_FALSE(client.status().ok());
  CHECK_FALSE(client.versions(model).ok());
  CHECK_FALSE(client.channels(model).ok());
  CHECK_FALSE(client.renew("pem").ok());
  CHECK_FALSE(client.enrol({}).ok());
  CHECK_FALSE(client.announce({}).ok());
}

TEST_CASE_FIXTURE(Fixture, "a long poll waits longer than the tracker does, which waits 50 s at most") {
  using namespace std::chrono_literals;
  script.answer.body = "{}";
  CHECK(*client.freshness(12, 20s) == "{}");
  CHECK(script.last.target == "/v1/freshness?after=12&wait=20");
  CHECK(script.last.timeout > 20s);
  CHECK(client.freshness(0, 0s).ok());
  CHECK(script.last.target == "/v1/freshness?after=0&wait=0");
  CHECK(client.freshness(1, 5min).ok());
  CHECK(script.last.target == "/v1/freshness?after=1&wait=50");
  CHECK(client.freshness(1, -1s).ok());
  CHECK(script.last.target == "/v1/freshness?after=1&wait=0");
}

TEST_CASE_FIXTURE(Fixture, "freshness is asked for by place, and a tracker of before answers with its one statement") {
  using namespace std::chrono_literals;
  script.answer.body = "{}";
  CHECK(*client.freshness({0x0a3, 0xf01}, 7, 20s) == std::vector<std::string>{"{}"});
  CHECK(script.last.target == "/v1/freshness?after=7&wait=20&places=0a3,f01");
  script.answer.body = "{\"a\":1}\n{\"b\":2}";
  CHECK(client.freshness({0x0a3, 0xf01}, 7, 20s)->size() == 2);
  script.answer.body = std::string(most_places + 1, '\n');
  CHECK_FALSE(client.freshness({0x0a3, 0xf01}, 7, 20s).ok());
}

TEST_CASE_FIXTURE(Fixture, "reports, histories, withdrawals and trust roots go where the tracker expects them") {
  CHECK(client.report({"shoal", {}}).ok());
  CHECK(script.last.method + " " + script.last.target == "PUT /v1/nodes/self");
  script.answer.body = encode(NodePage{});
  CHECK(client.nodes()->empty());
  CHECK(script.last.target == "/v1/nodes?page=1");
  script.answer.body = encode(std::vector<HistoryRow>{});
  CHECK(client.history(model, ChannelName::trusted("stable"))->empty());
  CHECK(script.last.target == "/v1/models/acme/speech/channels/stable/history");
  CHECK(client.withdraw(model, version, "{signed}").ok());
  CHECK(script.last.method + " " + script.last.target == "DELETE /v1/models/acme/speech/versions/1.0%2Bb");
  CHECK(script.last.body == "{signed}");
  CHECK(client.trust_root(3).ok());
  CHECK(script.last.target == "/v1/trust-roots/3");
  CHECK(client.set_trust_root(4, "{}").ok());
  CHECK(script.last.method + " " + script.last.target == "PUT /v1/trust-roots/4");
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a list of nodes without an end is given up") {
  MachineRow machine{NodeId::trusted("aaaaaaaaaaab"), identity::Role::node, "gpu-1", "", WallTime{}};
  script.answer.body = encode(NodePage{{{machine, {}, {}}}, machine.id});
  CHECK_FALSE(client.nodes().ok());
  CHECK(script.last.target == "/v1/nodes?after=aaaaaaaaaaab");
}

}  // namespace shoal::registry
