#include "registry/client.hpp"

#include <algorithm>
#include <iterator>

#include "base/log.hpp"
#include "base/shutdown.hpp"
#include "crypto/digest.hpp"

namespace shoal::registry {
namespace {

constexpr std::chrono::minutes large_transfer{5};  // for bodies of many MiB over a slow line
constexpr std::chrono::seconds answer_margin{15};  // for the way of an answer that was waited for
// How long a busy tracker is asked again.
constexpr std::chrono::minutes large_patience{30}, small_patience{1};
constexpr std::size_t shown_target = 100;
constexpr std::size_t most_pages = 1000;  // of a list; the tracker fills each

using Steady = std::chrono::steady_clock;

/// Up to a quarter later, so that those who were refused together do not come back together.
std::chrono::milliseconds spread(std::chrono::seconds wait) {
  unsigned random = static_cast<unsigned char>(crypto::random_bytes(1)[0]);
  return std::chrono::milliseconds(wait.count() * 1000 * (1024 + random) / 1024);
}

std::string model_path(const ModelName& model) {
  const std::string& text = model.str();  // org/name
  auto slash = text.find('/');
  return "/v1/models/" + percent_encode(text.substr(0, slash)) + "/" + percent_encode(text.substr(slash + 1));
}
std::string version_path(const ModelName& model, const VersionName& version) {
  return model_path(model) + "/versions/" + percent_encode(version.str());
}
std::string channel_path(const ModelName& model, const ChannelName& channel) {
  return model_path(model) + "/channels/" + percent_encode(channel.str());
}
std::string trust_root_path(std::uint64_t version) { return "/v1/trust-roots/" + std::to_string(version); }
std::string release_path(const ReleaseId& id) { return "/v1/releases/" + id.hex(); }

http::ClientRequest get(std::string target, ByteCount body_limit) {
  http::ClientRequest request;
  request.target = std::move(target);
  request.body_limit = body_limit;
  if (body_limit > list_limit) request.timeout = large_transfer;
  return request;
}
http::ClientRequest with_body(std::string method, std::string target, std::string body) {
  http::ClientRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  if (body.size() > 1 * MiB) request.timeout = large_transfer;
  request.body = std::move(body);
  return request;
}

}  // namespace

/// A tracker that is busy says when to ask again; who only asks does so, for as long as a crowd may take.
Result<http::Response> Client::send(http::ClientRequest request) {
  if (request.method != "GET") return send_once(std::move(request));
  const auto give_up = Steady::now() + (request.timeout >= large_transfer ? large_patience : small_patience);
  for (;;) {
    std::chrono::seconds retry_after{0};
    auto response = send_once(request, &retry_after);
    if (response.ok() || retry_after.count() == 0 || Steady::now() + retry_after > give_up) return response;
    log::info("tracker_busy", {{"request", request.target.substr(0, shown_target)}, {"retry_s", retry_after.count()}});
    if (!sleep_for(spread(retry_after), stop_)) return fail(ErrorCode::interrupted, "interrupted while waiting for the tracker");
  }
}

Result<http::Response> Client::send_once(http::ClientRequest request, std::chrono::seconds* retry_after) {
  SHOAL_TRY(http::Response response, http_->send(std::move(request), stop_));
  if (retry_after != nullptr && response.status == 503) *retry_after = response.retry_after;
  if (response.status / 100 != 2) return decode_error(response.status, response.body);
  return response;
}

Status Client::greet() {
  SHOAL_CHECK(http_->send(get("/v1/enrol", message_limit), stop_));  // that GET is not allowed there is an answer
  return {};
}

Result<EnrolReply> Client::enrol(const EnrolRequest& request) {
  SHOAL_TRY(http::Response response, send(with_body("POST", "/v1/enrol", encode(request))));
  return decode_enrol_reply(response.body);
}

Result<std::string> Client::renew(const std::string& request_pem) {
  SHOAL_TRY(http::Response response, send(with_body("POST", "/v1/renew", encode(RenewRequest{request_pem}))));
  SHOAL_TRY(RenewReply reply, decode_renew_reply(response.body));
  return std::move(reply.certificate_pem);
}

Status Client::publish(const ModelName& model, const VersionName& version, const std::string& envelope, const std::string& metainfo) {
  SHOAL_CHECK(send(with_body("PUT", version_path(model, version), encode(PublishRequest{envelope, metainfo}))));
  return {};
}

Result<ReleaseReply> Client::release(const ModelName& model, const VersionName& version) {
  SHOAL_TRY(http::Response response, send(get(version_path(model, version), release_body_limit)));
  return decode_release_reply(response.body);
}

Result<ReleaseReply> Client::release(const ReleaseId& id) {
  SHOAL_TRY(http::Response response, send(get(release_path(id), release_body_limit)));
  return decode_release_reply(response.body);
}

Result<std::string> Client::metainfo(const ReleaseId& id, ByteCount expected_size) {
  if (expected_size > metainfo_limit)
    return fail(ErrorCode::verification, "release " + id.hex() + " has a metainfo of " + format_bytes(expected_size) +
                                             ", more than the limit of " + format_bytes(metainfo_limit));
  // The slack leaves room for the JSON of an error.
  http::ClientRequest request = get(release_path(id) + "/metainfo", expected_size + message_limit);
  request.timeout = large_transfer;
  SHOAL_TRY(http::Response response, send(std::move(request)));
  if (response.body.size() != expected_size)
    return fail(ErrorCode::verification, "the tracker's metainfo of release " + id.hex() + " has " + std::to_string(response.body.size()) +
                                             " bytes instead of the " + std::to_string(expected_size) + " that the release names");
  return std::move(response.body);
}

Result<std::vector<VersionRow>> Client::versions(const ModelName& model) {
  SHOAL_TRY(http::Response response, send(get(model_path(model) + "/versions", list_limit)));
  return decode_versions(response.body);
}

Result<std::string> Client::channel(const ModelName& model, const ChannelName& channel) {
  SHOAL_TRY(http::Response response, send(get(channel_path(model, channel), channel_body_limit)));
  return std::move(response.body);
}

Result<std::vector<ChannelRow>> Client::channels(const ModelName& model) {
  SHOAL_TRY(http::Response response, send(get(model_path(model) + "/channels", list_limit)));
  return decode_channels(response.body);
}

Status Client::set_channel(const ModelName& model, const ChannelName& channel, const std::string& envelope) {
  SHOAL_CHECK(send(with_body("PUT", channel_path(model, channel), envelope)));
  return {};
}

Status Client::renew_channel(const ModelName& model, const ChannelName& channel, const std::string& envelope) {
  SHOAL_CHECK(send(with_body("PUT", channel_path(model, channel) + "/renewal", envelope)));
  return {};
}

Status Client::delete_channel(const ModelName& model, const ChannelName& channel, const std::string& envelope) {
  SHOAL_CHECK(send(with_body("DELETE", channel_path(model, channel), envelope)));
  return {};
}

Result<std::string> Client::deletion(const ModelName& model, const ChannelName& channel) {
  SHOAL_TRY(http::Response response, send(get(channel_path(model, channel) + "/deletion", channel_body_limit)));
  return std::move(response.body);
}

Result<std::vector<HistoryRow>> Client::history(const ModelName& model, const ChannelName& channel) {
  SHOAL_TRY(http::Response response, send(get(channel_path(model, channel) + "/history", list_limit)));
  return decode_history(response.body);
}

Status Client::withdraw(const ModelName& model, const VersionName& version, const std::string& envelope) {
  SHOAL_CHECK(send(with_body("DELETE", version_path(model, version), envelope)));
  return {};
}

Result<std::string> Client::ask_freshness(std::uint64_t after, std::chrono::milliseconds patience, const std::string& more,
                                          std::size_t statements) {
  auto wait = std::chrono::ceil<std::chrono::seconds>(std::clamp<std::chrono::milliseconds>(patience, {}, longest_patience));
  http::ClientRequest request = get("/v1/freshness?after=" + std::to_string(after) + "&wait=" + std::to_string(wait.count()) + more,
                                    freshness_body_limit * statements);
  request.timeout = wait + answer_margin;
  SHOAL_TRY(http::Response response, send(std::move(request)));
  return std::move(response.body);
}

Result<std::string> Client::freshness(std::uint64_t after, std::chrono::milliseconds patience) {
  return ask_freshness(after, patience, "", 1);
}

Result<std::vector<std::string>> Client::freshness(const std::vector<manifest::ChannelPlace>& places, std::uint64_t after,
                                                   std::chrono::milliseconds patience) {
  SHOAL_TRY(std::string body, ask_freshness(after, patience, "&places=" + encode_places(places), places.size()));
  return split_statements(body);
}

Result<std::string> Client::trust_root(std::uint64_t version) {
  SHOAL_TRY(http::Response response, send(get(trust_root_path(version), trust_root_body_limit)));
  return std::move(response.body);
}

Status Client::set_trust_root(std::uint64_t version, const std::string& envelope) {
  SHOAL_CHECK(send(with_body("PUT", trust_root_path(version), envelope)));
  return {};
}

Result<ReportReply> Client::report(const NodeReport& report) {
  SHOAL_TRY(http::Response response, send(with_body("PUT", "/v1/nodes/self", encode(report))));
  auto reply = decode_report_reply(response.body);  // a wish: the report has arrived even if this cannot be read
  return reply.ok() ? *reply : ReportReply{};
}

/// One page after the other. An older tracker ignores the parameter, and answers with all at once.
Result<std::vector<NodeRow>> Client::nodes() {
  std::vector<NodeRow> rows;
  std::string target = "/v1/nodes?page=1";
  for (std::size_t pages = 0; pages < most_pages; ++pages) {
    SHOAL_TRY(http::Response response, send(get(target, list_limit)));
    SHOAL_TRY(NodePage page, decode_nodes(response.body));
    std::move(page.nodes.begin(), page.nodes.end(), std::back_inserter(rows));
    if (page.next.empty()) return rows;
    target = "/v1/nodes?after=" + page.next.str();
  }
  return fail("the tracker's list of nodes has no end: more than " + std::to_string(most_pages) + " pages");
}

Result<AnnounceReply> Client::announce(const AnnounceRequest& request) {
  SHOAL_TRY(http::Response response, send(get(announce_target(request), 1 * MiB)));
  return decode_announce_reply(response.body);
}

Result<FleetStatus> Client::status() {
  SHOAL_TRY(http::Response response, send(get("/v1/status", list_limit)));
  return decode_fleet_status(response.body);
}

}  // namespace shoal::registry
