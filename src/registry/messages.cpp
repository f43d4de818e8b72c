#include "registry/messages.hpp"

#include <limits>

#include "base/encoding.hpp"
#include "base/json.hpp"

namespace shoal::registry {
namespace {

constexpr std::size_t phase_limit = 32;
constexpr std::size_t stall_limit = 32;

/// One line. Bytes that are not UTF-8 are replaced, so that a strange --name cannot stop an enrolment.
std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::uint32_t number32(JsonReader& reader, const char* key) {
  std::uint64_t number = reader.number(key);
  if (number > std::numeric_limits<std::uint32_t>::max()) reader.note(std::string(key) + " is too large");
  return static_cast<std::uint32_t>(number);
}

std::string bytes(JsonReader& reader, const char* key, Result<std::string> (*decode)(std::string_view)) {
  return reader.as<std::string>(key, decode);
}

/// A name for people: shown on terminals, so without control characters.
std::string label(JsonReader& reader, const char* key) {
  std::string text = reader.string(key);
  if (printable(text, 128) != text) reader.note(std::string(key) + " is longer than 128 bytes or has control characters");
  return text;
}

std::vector<std::string> texts(JsonReader& reader, const char* key) {
  std::vector<std::string> list;
  for (const Json& item : reader.array(key)) {
    if (!item.is_string()) reader.note(std::string(key) + " holds something that is not a string");
    else list.push_back(item.get<std::string>());
  }
  return list;
}

/// Reads `text` as one object with `read(JsonReader&) -> T`.
template <class T, class Read>
Result<T> read_object(std::string_view text, ByteCount limit, const char* what, Read read) {
  auto json = parse_json(text, limit);
  if (!json.ok()) return std::move(json).error().within(what);
  JsonReader reader(*json, what);
  T message{};
  if (reader.ok()) message = read(reader);
  SHOAL_CHECK(reader.finish_lenient());
  return message;
}

/// Reads the objects of the array `key`; notes the first error.
template <class T, class Read>
std::vector<T> read_rows(JsonReader& reader, const char* key, Read read) {
  std::vector<T> rows;
  for (const Json& item : reader.array(key)) {
    JsonReader row(item, key);
    if (row.ok()) rows.push_back(read(row));
    Status status = row.finish_lenient();
    if (!status.ok()) reader.note(status.error().message);
    if (!reader.ok()) break;
  }
  return rows;
}

template <class T, class Write>
Json write_rows(const std::vector<T>& rows, Write write) {
  Json array = Json::array();
  for (const T& row : rows) array.push_back(write(row));
  return array;
}

ChannelRow read_channel(JsonReader& row) {
  return {row.as<ChannelName>("channel", ChannelName::parse), row.string("envelope"), printable(row.string("version"), 96)};
}
VersionRow read_version(JsonReader& row) {
  return {row.as<VersionName>("version", VersionName::parse), row.as<ReleaseId>("id", ReleaseId::from_hex), row.number("size_bytes"),
          row.as<WallTime>("created", parse_time)};
}
SwarmRow read_swarm(JsonReader& row) {
  return {row.as<ModelName>("model", ModelName::parse), row.as<VersionName>("version", VersionName::parse),
          row.as<ReleaseId>("id", ReleaseId::from_hex), number32(row, "seeders"), number32(row, "leechers")};
}
MachineRow read_machine(JsonReader& row) {
  MachineRow machine{row.as<NodeId>("id", NodeId::parse),
                     row.as<identity::Role>("role", identity::parse_role),
                     printable(row.string("name"), 128),
                     printable(row.string("site"), 128),
                     row.as<WallTime>("certificate_until", parse_time),
                     {},
                     {}};
  if (row.has("held_twice")) machine.held_twice = row.as<WallTime>("held_twice", parse_time);
  if (row.has("revoked")) machine.revoked = row.as<WallTime>("revoked", parse_time);
  return machine;
}

Json write_channel(const ChannelRow& row) { return {{"channel", row.channel.str()}, {"envelope", row.envelope}, {"version", row.version}}; }
Json write_version(const VersionRow& row) {
  return {{"version", row.version.str()}, {"id", row.id.hex()}, {"size_bytes", row.size}, {"created", format_time(row.created)}};
}
Json write_swarm(const SwarmRow& row) {
  return {{"model", row.model.str()},
          {"version", row.version.str()},
          {"id", row.id.hex()},
          {"seeders", row.seeders},
          {"leechers", row.leechers}};
}
Json write_machine(const MachineRow& row) {
  Json machine{{"id", row.id.str()},
               {"role", std::string(identity::name(row.role))},
               {"name", row.name},
               {"site", row.site},
               {"certificate_until", format_time(row.certificate_until)}};
  if (row.revoked) machine["revoked"] = format_time(*row.revoked);
  if (row.held_twice) machine["held_twice"] = format_time(*row.held_twice);
  return machine;
}

SubscriptionReport read_subscription(JsonReader& row) {
  SubscriptionReport report;
  report.model = row.as<ModelName>("model", ModelName::parse);
  report.channel = row.as<ChannelName>("channel", ChannelName::parse);
  report.phase = printable(row.string("phase"), phase_limit);
  if (row.has("wanted")) report.wanted = row.as<ReleaseId>("wanted", ReleaseId::from_hex);
  if (row.has("active")) report.active = row.as<ReleaseId>("active", ReleaseId::from_hex);
  if (row.has("wanted_version")) report.wanted_version = printable(row.string("wanted_version"), 96);
  if (row.has("active_version")) report.active_version = printable(row.string("active_version"), 96);
  if (row.has("reason")) report.reason = printable(row.string("reason"), remark_limit);
  report.done = row.number("done_bytes");
  report.size = row.number("size_bytes");
  if (row.has("stall")) report.stall = printable(row.string("stall"), stall_limit);
  if (row.has("pointer_expires")) report.pointer_expires = row.as<WallTime>("pointer_expires", parse_time);
  if (row.has("tried_epoch")) report.tried = {row.number("tried_epoch"), row.number("tried_sequence")};
  return report;
}
Json write_subscription(const SubscriptionReport& report) {
  Json row{{"model", report.model.str()},
           {"channel", report.channel.str()},
           {"phase", printable(report.phase, phase_limit)},
           {"done_bytes", report.done},
           {"size_bytes", report.size}};
  if (report.wanted) row["wanted"] = report.wanted->hex();
  if (report.active) row["active"] = report.active->hex();
  if (!report.wanted_version.empty()) row["wanted_version"] = printable(report.wanted_version, 96);
  if (!report.active_version.empty()) row["active_version"] = printable(report.active_version, 96);
  if (!report.reason.empty()) row["reason"] = printable(report.reason, remark_limit);
  if (!report.stall.empty()) row["stall"] = printable(report.stall, stall_limit);
  if (report.pointer_expires) row["pointer_expires"] = format_time(*report.pointer_expires);
  if (report.tried) {
    row["tried_epoch"] = report.tried->epoch;
    row["tried_sequence"] = report.tried->sequence;
  }
  return row;
}
LinkReport read_link(JsonReader& row) {
  LinkReport link{row.as<NodeId>("peer", NodeId::parse), row.boolean("source"), row.number("rate")};
  if (row.has("round_trip_us")) link.round_trip = std::chrono::microseconds(row.number("round_trip_us"));
  return link;
}
Json write_link(const LinkReport& link) {
  Json row{{"peer", link.peer.str()}, {"source", link.source}, {"rate", link.rate}};
  if (link.round_trip) row["round_trip_us"] = link.round_trip->count();
  return row;
}
TransferReport read_transfer(JsonReader& row) {
  TransferReport transfer;
  transfer.release = row.as<ReleaseId>("release", ReleaseId::from_hex);
  transfer.done = row.number("done_bytes");
  transfer.size = row.number("size_bytes");
  transfer.from_source = row.number("from_source");
  transfer.from_peers = row.number("from_peers");
  transfer.from_mirrors = row.number("from_mirrors");
  transfer.reused = row.number("reused");
  transfer.sent = row.number("sent");
  transfer.rate = row.number("rate");
  transfer.peers = number32(row, "peers");
  transfer.percent_of_ideal = number32(row, "percent_of_ideal");
  if (row.has("seconds_left")) transfer.seconds_left = row.number("seconds_left");
  if (row.has("stall")) transfer.stall = printable(row.string("stall"), stall_limit);
  if (row.has("links")) transfer.links = read_rows<LinkReport>(row, "links", read_link);
  if (transfer.links.size() > NodeReport::most_links) row.note("links are too many");
  return transfer;
}
Json write_transfer(const TransferReport& transfer) {
  Json row{{"release", transfer.release.hex()},
           {"done_bytes", transfer.done},
           {"size_bytes", transfer.size},
           {"from_source", transfer.from_source},
           {"from_peers", transfer.from_peers},
           {"from_mirrors", transfer.from_mirrors},
           {"reused", transfer.reused},
           {"sent", transfer.sent},
           {"rate", transfer.rate},
           {"peers", transfer.peers},
           {"percent_of_ideal", transfer.percent_of_ideal}};
  if (transfer.seconds_left) row["seconds_left"] = *transfer.seconds_left;
  if (!transfer.stall.empty()) row["stall"] = printable(transfer.stall, stall_limit);
  if (!transfer.links.empty()) row["links"] = write_rows(transfer.links, write_link);
  return row;
}
NodeReport read_report(JsonReader& reader) {
  NodeReport report{printable(reader.string("software"), 64), read_rows<SubscriptionReport>(reader, "subscriptions", read_subscription)};
  if (reader.has("transfers")) report.transfers = read_rows<TransferReport>(reader, "transfers", read_transfer);
  if (report.transfers.size() > NodeReport::most_transfers) reader.note("transfers are too many");
  if (reader.has("disk_size")) {
    report.disk_free = reader.number("disk_free");
    report.disk_size = reader.number("disk_size");
  }
  if (reader.has("run")) report.run = reader.number("run");
  return report;
}
Json write_report(const NodeReport& report) {
  Json json{{"software", printable(report.software, 64)}, {"subscriptions", write_rows(report.subscriptions, write_subscription)}};
  if (!report.transfers.empty()) json["transfers"] = write_rows(report.transfers, write_transfer);
  if (report.disk_size > 0) {
    json["disk_free"] = report.disk_free;
    json["disk_size"] = report.disk_size;
  }
  if (report.run != 0) json["run"] = report.run;
  return json;
}
NodeRow read_node(JsonReader& row) {
  NodeRow node;
  node.machine = read_machine(row);
  if (row.has("seen")) node.seen = row.as<WallTime>("seen", parse_time);
  if (!row.has("report")) return node;
  JsonReader report(row.object("report"), "report");
  node.report = read_report(report);
  if (Status status = report.finish_lenient(); !status.ok()) row.note(status.error().message);
  return node;
}
Json write_node(const NodeRow& node) {
  Json row = write_machine(node.machine);
  if (!node.seen) return row;
  row["seen"] = format_time(*node.seen);
  row["report"] = write_report(node.report);
  return row;
}
HistoryRow read_history(JsonReader& row) {
  HistoryRow history{row.string("envelope"), printable(row.string("version"), 96), {}, row.as<WallTime>("at", parse_time)};
  if (row.has("name")) history.name = printable(row.string("name"), 128);
  if (row.has("who")) history.who = row.as<NodeId>("who", NodeId::parse);
  return history;
}
Json write_history(const HistoryRow& row) {
  Json json{{"envelope", row.envelope}, {"version", row.version}, {"at", format_time(row.at)}};
  if (!row.who.empty()) json["who"] = row.who.str();
  if (!row.name.empty()) json["name"] = row.name;
  return json;
}

}  // namespace

ByteCount weight(const NodeRow& row) {
  constexpr ByteCount machine_bytes = 400, subscription_bytes = 500, link_bytes = 100;  // without the texts that may be long
  ByteCount sum = machine_bytes + row.machine.name.size() + row.machine.site.size();
  for (const SubscriptionReport& each : row.report.subscriptions)
    sum += subscription_bytes + each.model.str().size() + each.channel.str().size() + each.wanted_version.size() +
           each.active_version.size() + each.reason.size();
  for (const TransferReport& each : row.report.transfers) sum += subscription_bytes + link_bytes * each.links.size();
  return sum;
}

std::string encode(const EnrolRequest& m) {
  return dump({{"token_id", to_base64url(m.token_id)},
               {"token_secret", to_base64url(m.token_secret)},
               {"request_pem", m.request_pem},
               {"name", m.name},
               {"site", m.site}});
}
std::string encode(const EnrolReply& m) {
  Json json{{"certificate_pem", m.certificate_pem}, {"ca_pem", m.ca_pem}, {"trust_root", m.trust_root}};
  if (!m.later_trust_roots.empty()) json["later_trust_roots"] = m.later_trust_roots;
  return dump(json);
}
std::string encode(const RenewRequest& m) { return dump({{"request_pem", m.request_pem}}); }
std::string encode(const RenewReply& m) { return dump({{"certificate_pem", m.certificate_pem}}); }
std::string encode(const PublishRequest& m) { return dump({{"envelope", m.envelope}, {"metainfo", to_base64(m.metainfo)}}); }
std::string encode(const ReleaseReply& m) { return dump({{"id", m.id.hex()}, {"envelope", m.envelope}}); }
std::string encode(const std::vector<ChannelRow>& m) { return dump({{"channels", write_rows(m, write_channel)}}); }
std::string encode(const std::vector<VersionRow>& m) { return dump({{"versions", write_rows(m, write_version)}}); }
std::string encode(const FleetStatus& m) {
  return dump(
      {{"fleet", m.fleet.str()}, {"swarms", write_rows(m.swarms, write_swarm)}, {"machines", write_rows(m.machines, write_machine)}});
}
std::string encode(const NodeReport& m) { return dump(write_report(m)); }
std::string encode(const ReportReply& m) { return dump({{"again_seconds", m.again.count()}}); }
std::string encode(const NodePage& m) {
  Json json{{"nodes", write_rows(m.nodes, write_node)}};
  if (!m.next.empty()) json["next"] = m.next.str();
  return dump(json);
}
std::string encode(const std::vector<HistoryRow>& m) { return dump({{"history", write_rows(m, write_history)}}); }

Result<EnrolRequest> decode_enrol_request(std::string_view text) {
  return read_object<EnrolRequest>(text, message_limit, "enrolment request", [](JsonReader& reader) {
    return EnrolRequest{bytes(reader, "token_id", from_base64url), bytes(reader, "token_secret", from_base64url),
                        reader.string("request_pem"), label(reader, "name"), label(reader, "site")};
  });
}
Result<EnrolReply> decode_enrol_reply(std::string_view text) {
  return read_object<EnrolReply>(text, list_limit, "enrolment reply", [](JsonReader& reader) {
    EnrolReply reply{reader.string("certificate_pem"), reader.string("ca_pem"), reader.string("trust_root"), {}};
    if (reader.has("later_trust_roots")) reply.later_trust_roots = texts(reader, "later_trust_roots");
    return reply;
  });
}
Result<RenewRequest> decode_renew_request(std::string_view text) {
  return read_object<RenewRequest>(text, message_limit, "renewal request",
                                   [](JsonReader& reader) { return RenewRequest{reader.string("request_pem")}; });
}
Result<RenewReply> decode_renew_reply(std::string_view text) {
  return read_object<RenewReply>(text, message_limit, "renewal reply",
                                 [](JsonReader& reader) { return RenewReply{reader.string("certificate_pem")}; });
}
Result<PublishRequest> decode_publish_request(std::string_view text) {
  return read_object<PublishRequest>(text, publish_limit, "publish request", [](JsonReader& reader) {
    return PublishRequest{reader.string("envelope"), bytes(reader, "metainfo", from_base64)};
  });
}
Result<ReleaseReply> decode_release_reply(std::string_view text) {
  return read_object<ReleaseReply>(text, release_body_limit, "release reply", [](JsonReader& reader) {
    return ReleaseReply{reader.as<ReleaseId>("id", ReleaseId::from_hex), reader.string("envelope")};
  });
}
Result<std::vector<ChannelRow>> decode_channels(std::string_view text) {
  return read_object<std::vector<ChannelRow>>(text, list_limit, "list of channels",
                                              [](JsonReader& reader) { return read_rows<ChannelRow>(reader, "channels", read_channel); });
}
Result<std::vector<VersionRow>> decode_versions(std::string_view text) {
  return read_object<std::vector<VersionRow>>(text, list_limit, "list of versions",
                                              [](JsonReader& reader) { return read_rows<VersionRow>(reader, "versions", read_version); });
}
Result<FleetStatus> decode_fleet_status(std::string_view text) {
  return read_object<FleetStatus>(text, list_limit, "fleet status", [](JsonReader& reader) {
    return FleetStatus{reader.as<FleetName>("fleet", FleetName::parse), read_rows<SwarmRow>(reader, "swarms", read_swarm),
                       read_rows<MachineRow>(reader, "machines", read_machine)};
  });
}

Result<NodeReport> decode_node_report(std::string_view text) {
  return read_object<NodeReport>(text, report_limit, "node report", read_report);
}
Result<ReportReply> decode_report_reply(std::string_view text) {
  return read_object<ReportReply>(text, message_limit, "reply to a report", [](JsonReader& reader) {
    ReportReply reply;
    if (reader.has("again_seconds")) reply.again = std::chrono::seconds(number32(reader, "again_seconds"));
    return reply;
  });
}
Result<NodePage> decode_nodes(std::string_view text) {
  return read_object<NodePage>(text, list_limit, "list of nodes", [](JsonReader& reader) {
    NodePage page{read_rows<NodeRow>(reader, "nodes", read_node)};
    if (reader.has("next")) page.next = reader.as<NodeId>("next", NodeId::parse);
    return page;
  });
}
Result<std::vector<HistoryRow>> decode_history(std::string_view text) {
  return read_object<std::vector<HistoryRow>>(text, list_limit, "history of a channel",
                                              [](JsonReader& reader) { return read_rows<HistoryRow>(reader, "history", read_history); });
}

}  // namespace shoal::registry
