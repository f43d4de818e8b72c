#include "registry/messages.hpp"

#include "base/json.hpp"
#include "doctest/doctest.h"

namespace shoal::registry {
namespace {

using namespace std::string_literals;

const std::string id_hex(64, 'a');
ReleaseId release_id() { return *ReleaseId::from_hex(id_hex); }
WallTime time_of(const char* text) { return *parse_time(text); }

TEST_CASE("an enrolment request survives the way, raw bytes included") {
  EnrolRequest request{"\0\x01\xff id"s, std::string(32, '\xfe'), "-----BEGIN\nX", "gpu-17", "hall ü"};
  auto read = decode_enrol_request(encode(request));
  REQUIRE(read.ok());
  CHECK(read->token_id == request.token_id);
  CHECK(read->token_secret == request.token_secret);
  CHECK(read->request_pem == request.request_pem);
  CHECK(read->name == request.name);
  CHECK(read->site == request.site);
}

TEST_CASE("a name that is not UTF-8 does not stop an enrolment") {
  auto read = decode_enrol_request(encode(EnrolRequest{"i", "s", "p", "caf\xe9", ""}));
  CHECK(read.ok());
}

TEST_CASE("enrolment requests of a wrong form are refused") {
  const std::string good = encode(EnrolRequest{"id", "secret", "pem", "name", "site"});
  REQUIRE(decode_enrol_request(good).ok());
  for (const std::string& text :
       {""s, "null"s, "[]"s, "{}"s, "1"s, good + " x", good.substr(0, good.size() - 1),
        R"({"token_id":1,"token_secret":"","request_pem":"","name":"","site":""})"s,
        R"({"token_id":"!!","token_secret":"","request_pem":"","name":"","site":""})"s,
        R"({"token_id":"","token_id":"","token_secret":"","request_pem":"","name":"","site":""})"s,
        R"({"token_id":"","token_secret":"","request_pem":"","name":"a\u0007b","site":""})"s,
        R"({"token_id":"","token_secret":"","request_pem":null,"name":"","site":""})"s,
        R"({"token_id":"","token_secret":"","request_pem":"","name":")" + std::string(129, 'n') + R"(","site":""})",
        R"({"token_id":"","token_secret":"","request_pem":")" + std::string(70000, 'p') + R"(","name":"","site":""})",
        "{\"token_id\":\"\",\"token_secret\":\"\",\"request_pem\":\"\xff\",\"name\":\"\",\"site\":\"\"}"s, std::string(100000, '[')}) {
    CAPTURE(text.substr(0, 200));
    CHECK_FALSE(decode_enrol_request(text).ok());
  }
}

TEST_CASE("members of later versions are let pass") { CHECK(decode_renew_reply(R"({"certificate_pem":"x","new":[1,2]})").ok()); }

TEST_CASE("replies to enrolment and renewal survive the way") {
  auto enrolled = decode_enrol_reply(encode(EnrolReply{"cert\n", "ca\n", "{\"payload\":\"...\"}"}));
  REQUIRE(enrolled.ok());
  CHECK(enrolled->certificate_pem == "cert\n");
  CHECK(enrolled->ca_pem == "ca\n");
  CHECK(enrolled->trust_root == "{\"payload\":\"...\"}");
  CHECK(decode_renew_request(encode(RenewRequest{"pem"}))->request_pem == "pem");
  CHECK(decode_renew_reply(encode(RenewReply{"pem"}))->certificate_pem == "pem");
}

TEST_CASE("a publish request carries the metainfo byte for byte") {
  PublishRequest request{"{\"payload\":\"\"}",
                         "d4:info\0\xff"
                         "e"s};
  auto read = decode_publish_request(encode(request));
  REQUIRE(read.ok());
  CHECK(read->envelope == request.envelope);
  CHECK(read->metainfo == request.metainfo);
  CHECK_FALSE(decode_publish_request(R"({"envelope":"x","metainfo":"not base64"})").ok());
  CHECK_FALSE(decode_publish_request(R"({"envelope":{},"metainfo":""})").ok());
}

TEST_CASE("a release reply survives the way, and its id must be one") {
  auto read = decode_release_reply(encode(ReleaseReply{release_id(), "{}"}));
  REQUIRE(read.ok());
  CHECK(read->id == release_id());
  CHECK(read->envelope == "{}");
  CHECK_FALSE(decode_release_reply(R"({"id":"abc","envelope":""})").ok());
  CHECK_FALSE(decode_release_reply(R"({"id":")" + std::string(64, 'A') + R"(","envelope":""})").ok());
}

TEST_CASE("lists of channels and versions survive the way") {
  std::vector<ChannelRow> channels{{ChannelName::trusted("stable"), "{}", "1.0"}, {ChannelName::trusted("beta"), "{}", ""}};
  auto read = decode_channels(encode(channels));
  REQUIRE(read.ok());
  REQUIRE(read->size() == 2);
  CHECK((*read)[0].channel.str() == "stable");
  CHECK((*read)[0].version == "1.0");
  CHECK(decode_channels(encode(std::vector<ChannelRow>{}))->empty());

  std::vector<VersionRow> versions{{VersionName::trusted("1.0+b"), release_id(), 1ULL << 60, time_of("2026-01-31T12:00:00Z")}};
  auto rows = decode_versions(encode(versions));
  REQUIRE(rows.ok());
  CHECK((*rows)[0].version.str() == "1.0+b");
  CHECK((*rows)[0].size == 1ULL << 60);
  CHECK((*rows)[0].created == versions[0].created);
}

TEST_CASE("one bad row makes the list an error that names the field") {
  auto read =
      decode_channels(R"({"channels":[{"channel":"ok","envelope":"","version":""},{"channel":"../up","envelope":"","version":""}]})");
  REQUIRE_FALSE(read.ok());
  CHECK(read.error().message.find("channel") != std::string::npos);
  CHECK_FALSE(decode_channels(R"({"channels":[1]})").ok());
  CHECK_FALSE(decode_channels(R"({"channels":{}})").ok());
  CHECK_FALSE(decode_versions(R"({"versions":[{"version":"1","id":"","size_bytes":-1,"created":""}]})").ok());
}

TEST_CASE("the status of a fleet survives the way") {
  FleetStatus status;
  status.fleet = FleetName::trusted("test-fleet");
  status.swarms = {{ModelName::trusted("acme/speech"), VersionName::trusted("1"), release_id(), 3, 4294967295U}};
  status.machines = {{NodeId::trusted("aaaaaaaaaaaa"), identity::Role::seeder, "nas", "hall 1", time_of("2026-01-31T12:00:00Z")}};
  auto read = decode_fleet_status(encode(status));
  REQUIRE(read.ok());
  CHECK(read->fleet == status.fleet);
  CHECK(read->swarms.at(0).leechers == 4294967295U);
  CHECK(read->machines.at(0).role == identity::Role::seeder);
  CHECK(read->machines.at(0).certificate_until == status.machines[0].certificate_until);
}

TEST_CASE("counts that do not fit and names with escapes do not reach a status") {
  const std::string row = R"({"model":"a/b","version":"1","id":")" + id_hex + R"(","seeders":4294967296,"leechers":0})";
  CHECK_FALSE(decode_fleet_status(R"({"fleet":"f","swarms":[)" + row + R"(],"machines":[]})").ok());
  auto read =
      decode_fleet_status(R"({"fleet":"f","swarms":[],"machines":[{"id":"aaaaaaaaaaaa","role":"node","name":"\u001b[2Jx","site":"",)"
                          R"("certificate_until":"2026-01-31T12:00:00Z"}]})");
  REQUIRE(read.ok());
  CHECK(read->machines.at(0).name == "?[2Jx");
}

TEST_CASE("an error body keeps the code and the message") {
  Error error = decode_error(409, R"({"error":{"code":"conflict","message":"version 1 exists with other content"}})");
  CHECK(error.code == ErrorCode::conflict);
  CHECK(error.message == "version 1 exists with other content");
}

TEST_CASE("a tracker cannot make us believe we were interrupted") {
  CHECK(decode_error(500, R"({"error":{"code":"interrupted","message":"x"}})").code == ErrorCode::failed);
  CHECK(decode_error(500, R"({"error":{"code":"partial","message":"x"}})").code == ErrorCode::failed);
  CHECK(decode_error(500, R"({"error":{"code":"made up","message":"x"}})").code == ErrorCode::failed);
}

TEST_CASE("error bodies that cannot be read become the status") {
  for (const std::string& body : {""s, "<html>"s, "[]"s, "{}"s, R"({"error":1})"s, R"({"error":{}})"s,
                                  R"({"error":{"code":1,"message":"x"}})"s, R"({"error":{"code":"failed","message":""}})"s}) {
    CAPTURE(body);
    CHECK(decode_error(502, body).message == "the tracker answered with HTTP status 502");
  }
  CHECK(decode_error(403, "").code == ErrorCode::not_enrolled);
  CHECK(decode_error(503, "").code == ErrorCode::unreachable);
}

TEST_CASE("an error message of the network is printable and bounded") {
  const std::string text = R"(a\u001b]0;title\u0007\u0085b)" + std::string(2000, 'x');
  Error error = decode_error(400, R"({"error":{"code":"usage","message":")" + text + R"("}})");
  CHECK(error.message.substr(0, 15) == "a?]0;title??bxx");
  CHECK(error.message.size() == 500);
}

SubscriptionReport subscription() {
  SubscriptionReport report;
  report.model = ModelName::trusted("acme/speech");
  report.channel = ChannelName::trusted("stable");
  report.phase = "failed";
  report.wanted = release_id();
  report.wanted_version = "2.0";
  report.active_version = "1.0";
  report.reason = "the hook ended with exit code 1";
  report.done = 10;
  report.size = 20;
  return report;
}

TEST_CASE("a node's report survives the way") {
  auto read = decode_node_report(encode(NodeReport{"shoal 0.5.0", {subscription()}}));
  REQUIRE(read.ok());
  CHECK(read->software == "shoal 0.5.0");
  REQUIRE(read->subscriptions.size() == 1);
  const SubscriptionReport& row = read->subscriptions[0];
  CHECK(row.model.str() == "acme/speech");
  CHECK(row.channel.str() == "stable");
  CHECK(row.phase == "failed");
  CHECK(row.wanted == release_id());
  CHECK_FALSE(row.active);
  CHECK(row.wanted_version == "2.0");
  CHECK(row.active_version == "1.0");
  CHECK(row.reason == "the hook ended with exit code 1");
  CHECK(row.done == 10);
  CHECK(row.size == 20);
}

TEST_CASE("what a node says for people is cut and made printable, not refused") {
  SubscriptionReport loud = subscription();
  loud.reason = "bad\x1b[31m" + std::string(5000, 'x');
  auto read = decode_node_report(encode(NodeReport{"shoal\n", {loud}}));
  REQUIRE(read.ok());
  CHECK(read->software == "shoal?");
  CHECK(read->subscriptions[0].reason.size() <= remark_limit);
  CHECK(read->subscriptions[0].reason.find('\x1b') == std::string::npos);
}

TEST_CASE("a report's transfers survive the way, and older nodes send none") {
  CHECK(encode(NodeReport{"s", {subscription()}}).find("transfers") == std::string::npos);
  CHECK(decode_node_report(encode(NodeReport{"s", {subscription()}}))->transfers.empty());
  TransferReport transfer;
  transfer.release = release_id();
  transfer.done = 10;
  transfer.size = 20;
  transfer.from_source = 3;
  transfer.from_peers = 4;
  transfer.from_mirrors = 2;
  transfer.reused = 1;
  transfer.rate = 5;
  transfer.seconds_left = 2;
  transfer.links = {{NodeId::trusted("w25rks6rzwal"), true, 5, std::chrono::microseconds(300)},
                    {NodeId::trusted("w25rks6rzwam"), false, 4}};
  NodeReport report{"s", {}, {transfer}, 7, 9, 4711};
  auto read = decode_node_report(encode(report));
  REQUIRE_MESSAGE(read.ok(), read.error().message);
  REQUIRE(read->transfers.size() == 1);
  CHECK(encode(*read) == encode(report));
  CHECK(read->transfers[0].from_mirrors == 2);
  CHECK(read->transfers[0].links.at(0).source);
  CHECK(read->transfers[0].links.at(0).round_trip == std::chrono::microseconds(300));
  CHECK_FALSE(read->transfers[0].links.at(1).round_trip);
  CHECK(read->disk_free == 7);
  CHECK(read->run == 4711);
  CHECK_FALSE(read->transfers[0].complete());
  report.transfers.resize(NodeReport::most_transfers + 1, transfer);
  CHECK_FALSE(decode_node_report(encode(report)).ok());
}

TEST_CASE("the answer to a report says when the next one is due, and an older tracker's says nothing") {
  CHECK(decode_report_reply(encode(ReportReply{std::chrono::seconds(4)}))->again == std::chrono::seconds(4));
  CHECK(decode_report_reply("{}")->again == std::chrono::seconds(30));
}

TEST_CASE("a report says why a fetch is stalled, and those of older nodes say nothing of it") {
  CHECK(decode_node_report(encode(NodeReport{"s", {subscription()}}))->subscriptions[0].stall.empty());
  CHECK(encode(NodeReport{"s", {subscription()}}).find("stall") == std::string::npos);  // nothing that older trackers do not know
  SubscriptionReport stalled = subscription();
  stalled.stall = "no_peers";
  CHECK(decode_node_report(encode(NodeReport{"s", {stalled}}))->subscriptions[0].stall == "no_peers");
  stalled.stall = "a_reason_of_later\x1b" + std::string(5000, 'x');
  const std::string read = decode_node_report(encode(NodeReport{"s", {stalled}}))->subscriptions[0].stall;
  CHECK(read.substr(0, 18) == "a_reason_of_later?");
  CHECK(read.size() <= 40);
}

TEST_CASE("reports of a wrong form are refused, members of later versions are let pass") {
  const std::string good = encode(NodeReport{"s", {subscription()}});
  auto with = [&](const char* key, Json value) {
    Json json = Json::parse(good);
    json["subscriptions"][0][key] = std::move(value);
    return json.dump();
  };
  CHECK(decode_node_report(with("later", Json::array())).ok());
  for (const std::string& text : {"{}"s, R"({"software":"s"})"s, R"({"software":1,"subscriptions":[]})"s,
                                  R"({"software":"s","subscriptions":[1]})"s, with("model", "x"), with("phase", 1), with("wanted", "xyz"),
                                  with("done_bytes", -1), with("done_bytes", "1"), with("channel", Json()), with("stall", 1)}) {
    CAPTURE(text);
    CHECK_FALSE(decode_node_report(text).ok());
  }
}

TEST_CASE("the list of nodes survives the way, with those that said nothing yet") {
  MachineRow machine{NodeId::trusted("aaaaaaaaaaab"), identity::Role::node, "gpu-1", "east", time_of("2026-01-31T12:00:00Z")};
  auto read = decode_nodes(encode(NodePage{{{machine, time_of("2026-01-31T11:00:00Z"), {"s", {subscription()}}}, {machine, {}, {}}}}));
  REQUIRE(read.ok());
  REQUIRE(read->nodes.size() == 2);
  CHECK(read->next.empty());
  CHECK(read->nodes[0].machine.name == "gpu-1");
  CHECK(read->nodes[0].seen == time_of("2026-01-31T11:00:00Z"));
  CHECK(read->nodes[0].report.subscriptions.size() == 1);
  CHECK_FALSE(read->nodes[1].seen);
  CHECK_FALSE(decode_nodes(R"({"nodes":[{"id":"aaaaaaaaaaab"}]})").ok());
}

TEST_CASE("a channel's history survives the way") {
  auto read =
      decode_history(encode(std::vector<HistoryRow>{{"{}", "1.0", NodeId::trusted("aaaaaaaaaaab"), time_of("2026-01-31T12:00:00Z")}}));
  REQUIRE(read.ok());
  REQUIRE(read->size() == 1);
  CHECK((*read)[0].envelope == "{}");
  CHECK((*read)[0].version == "1.0");
  CHECK((*read)[0].who.str() == "aaaaaaaaaaab");
  CHECK((*read)[0].at == time_of("2026-01-31T12:00:00Z"));
  CHECK_FALSE(decode_history(R"({"history":[{"envelope":1}]})").ok());
}

}  // namespace

TEST_CASE("a report says how long the pointer is good and under which one the node tried; those of older nodes say neither") {
  const SubscriptionReport older = decode_node_report(encode(NodeReport{"s", {subscription()}}))->subscriptions[0];
  CHECK_FALSE(older.pointer_expires);
  CHECK_FALSE(older.tried);
  SubscriptionReport made = subscription();
  made.pointer_expires = WallTime(std::chrono::seconds(1'700'000'000));
  made.tried = {2, 9};
  const SubscriptionReport read = decode_node_report(encode(NodeReport{"s", {made}}))->subscriptions[0];
  CHECK(read.pointer_expires == made.pointer_expires);
  CHECK(read.tried == made.tried);
}

}  // namespace shoal::registry
