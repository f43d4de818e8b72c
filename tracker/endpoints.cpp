#include "tracker/endpoints.hpp"

#include "tracker/announce_reply.hpp"
#include "tracker/endpoints_common.hpp"

namespace shoal::tracker {
namespace {

constexpr unsigned too_many_requests = 429;
constexpr ByteCount publish_body_limit = 100 * MiB;

Caller caller_of(const Request& request, const Admission& admission) {
  if (!request.peer) return {NodeId(), false, "", request.remote_address};
  const identity::Identity& who = request.peer->identity;
  return {who.id, who.role == Role::seeder, admission.site_of(who.id), request.remote_address};
}

Result<std::string> announced(const Parts& parts, const Request& request) {
  SHOAL_TRY(AnnounceQuery query, parse_announce(request.query));
  SHOAL_TRY(AnnounceAnswer answer, parts.announcer.announce(query, caller_of(request, parts.admission)));
  return encode_announce(answer, query);
}

Result<std::string> answer_announce(const Parts& parts, const Request& request) {
  const SteadyTime began = parts.clock.steady_now();
  auto answer = announced(parts, request);
  ++(answer.ok() ? parts.meter.answered : parts.meter.refused);
  parts.meter.latency.observe(parts.clock.steady_now() - began);
  return answer;
}

Result<std::string> answer_scrape(const Parts& parts, const Request& request) {
  ++parts.meter.scrapes;
  SHOAL_TRY(std::vector<InfoHash> hashes, parse_scrape(request.query));
  return encode_scrape(parts.announcer.scrape(hashes));
}

template <class Answer>
http::RouteHandler in_memory(const Parts& parts, Answer answer) {
  return [parts, answer](const Request& request, const PathArguments&, const Reply& reply) {
    Result<std::string> body = answer(parts, request);
    reply(bencoded(body.ok() ? std::move(body).value() : encode_failure(body.error())));
  };
}

/// Who guesses is told so and no more is written of it; who has a token that is good is let in, whoever guesses at the same address.
Result<Response> enrol(const Parts& parts, const Request& request, const PathArguments&) {
  const bool guesses = !parts.attempts.allows(request.remote_address);
  SHOAL_TRY(registry::EnrolRequest message, sent(registry::decode_enrol_request(request.body)));
  auto enrolled = parts.admission.enrol(message, request.remote_address, guesses ? Admission::Log::quiet : Admission::Log::all);
  if (enrolled.ok()) return json(encode(*enrolled));
  parts.attempts.failed(request.remote_address);
  if (!guesses) return std::move(enrolled).error();
  Response refusal = http::error_response(
      too_many_requests, fail(enrolled.error().code, "too many failed enrolments from this address: " + enrolled.error().message));
  refusal.retry_after = std::chrono::minutes(1);
  return refusal;
}

Result<Response> renew(const Parts& parts, const Request& request, const PathArguments&) {
  SHOAL_TRY(registry::RenewRequest message, sent(registry::decode_renew_request(request.body)));
  SHOAL_TRY(std::string pem, parts.admission.renew(*request.peer, message.request_pem));
  return json(encode(registry::RenewReply{std::move(pem)}));
}

Result<Response> publish(const Parts& parts, const Request& request, const PathArguments& arguments) {
  SHOAL_TRY(ModelName model, model_of(arguments));
  SHOAL_TRY(VersionName version, VersionName::parse(arguments.at(2)));
  SHOAL_TRY(registry::PublishRequest message, sent(registry::decode_publish_request(request.body)));
  SHOAL_CHECK(parts.catalog.publish(model, version, message, request.peer->identity.id));
  return json("{}");
}

Result<Response> show_version(const Parts& parts, const Request&, const PathArguments& arguments) {
  SHOAL_TRY(ModelName model, model_of(arguments));
  SHOAL_TRY(VersionName version, VersionName::parse(arguments.at(2)));
  SHOAL_TRY(registry::ReleaseReply reply, parts.catalog.release(model, version));
  return json(encode(reply));
}

Result<Response> show_versions(const Parts& parts, const Request&, const PathArguments& arguments) {
  SHOAL_TRY(ModelName model, model_of(arguments));
  SHOAL_TRY(auto rows, parts.catalog.versions(model));
  return json(encode(rows));
}

Result<ReleaseId> release_id_of(const PathArguments& arguments) {
  Result<ReleaseId> id = ReleaseId::from_hex(arguments.at(0));
  if (!id.ok()) return fail(ErrorCode::usage, "a release id is 64 lower-case hexadecimal digits");
  return id;
}

Result<Response> show_release(const Parts& parts, const Request&, const PathArguments& arguments) {
  SHOAL_TRY(ReleaseId id, release_id_of(arguments));
  SHOAL_TRY(registry::ReleaseReply reply, parts.catalog.release(id));
  return json(encode(reply));
}

Result<Response> show_metainfo(const Parts& parts, const Request&, const PathArguments& arguments) {
  SHOAL_TRY(ReleaseId id, release_id_of(arguments));
  SHOAL_TRY(SharedBody metainfo, parts.catalog.metainfo(id));
  Response response{200, "application/x-bittorrent", {}};
  response.shared = std::move(metainfo);
  return response;
}

Result<Response> set_channel(const Parts& parts, const Request& request, const PathArguments& arguments) {
  SHOAL_TRY(ModelName model, model_of(arguments));
  SHOAL_TRY(ChannelName channel, ChannelName::parse(arguments.at(2)));
  SHOAL_CHECK(parts.catalog.set_channel(model, channel, request.body, request.peer->identity.id));
  say_changed(parts);
  return json("{}");
}

Result<Response> renew_channel(const Parts& parts, const Request& request, const PathArguments& arguments) {
  SHOAL_TRY(ModelName model, model_of(arguments));
  SHOAL_TRY(ChannelName channel, ChannelName::parse(arguments.at(2)));
  SHOAL_CHECK(parts.catalog.renew_channel(model, channel, request.body, request.peer->identity.id));
  say_changed(parts);
  return json("{}");
}

Result<Response> show_channel(const Parts& parts, const Request&, const PathArguments& arguments) {
  SHOAL_TRY(ModelName model, model_of(arguments));
  SHOAL_TRY(ChannelName channel, ChannelName::parse(arguments.at(2)));
  SHOAL_TRY(std::string envelope, parts.catalog.channel(model, channel));
  return json(std::move(envelope));
}

Result<Response> show_channels(const Parts& parts, const Request&, const PathArguments& arguments) {
  SHOAL_TRY(ModelName model, model_of(arguments));
  SHOAL_TRY(auto rows, parts.catalog.channels(model));
  return json(encode(rows));
}

Result<Response> show_status(const Parts& parts, const Request&, const PathArguments&) {
  registry::FleetStatus status;
  status.fleet = parts.fleet;
  SHOAL_TRY(auto releases, parts.catalog.releases());
  for (const ReleaseRecord& release : releases) {
    SwarmCounts counts = parts.announcer.counts(release.info_hash);
    status.swarms.push_back({release.model, release.version, release.id, counts.complete, counts.incomplete});
  }
  SHOAL_TRY(status.machines, parts.admission.machines());
  return json(encode(status));
}

}  // namespace

std::vector<http::Route> tracker_routes(const Parts& parts) {
  auto disk = [&](auto handler) {
    return on_disk(parts,
                   [parts, handler](const Request& request, const PathArguments& arguments) { return handler(parts, request, arguments); });
  };
  const std::string model = "/v1/models/{org}/{name}";
  std::vector<http::Route> routes = {
      {"GET", "/announce", announcing, in_memory(parts, answer_announce)},
      {"GET", "/scrape", reading, in_memory(parts, answer_scrape)},
      {"POST", "/v1/enrol", enrolling, disk(enrol)},
      {"POST", "/v1/renew", renewing, disk(renew)},
      {"PUT", model + "/versions/{version}", publishing, disk(publish)},
      {"GET", model + "/versions/{version}", reading, disk(show_version)},
      {"GET", model + "/versions", reading, disk(show_versions)},
      {"GET", "/v1/releases/{id}", reading, disk(show_release)},
      {"GET", "/v1/releases/{id}/metainfo", reading, disk(show_metainfo)},
      {"PUT", model + "/channels/{channel}", publishing, disk(set_channel)},
      {"PUT", model + "/channels/{channel}/renewal", publishing, disk(renew_channel)},
      {"GET", model + "/channels/{channel}", reading, disk(show_channel)},
      {"GET", model + "/channels", reading, disk(show_channels)},
      {"GET", "/v1/status", reading, disk(show_status)},
  };
  for (http::Route& route : fleet_routes(parts)) routes.push_back(std::move(route));
  return routes;
}

std::vector<http::Route> plain_routes(const Parts& parts) {
  return {{"GET", "/announce", plain, in_memory(parts, answer_announce)}, {"GET", "/scrape", plain, in_memory(parts, answer_scrape)}};
}

ByteCount body_limit(const std::string& method, const std::string& path, const identity::Certificate* peer) {
  if (peer == nullptr) return method == "POST" && path == "/v1/enrol" ? registry::message_limit : 0;
  if (method == "POST" && path == "/v1/renew") return registry::message_limit;
  if (method == "PUT" && path == "/v1/nodes/self") return registry::report_limit;
  bool may_publish = publishing.roles.contains(peer->identity.role);
  if (method == "PUT" && may_publish && path.starts_with("/v1/trust-roots/")) return registry::trust_root_body_limit;
  if (method != "PUT" || !may_publish || !path.starts_with("/v1/models/")) return 16 * KiB;
  return path.find("/versions/") != std::string::npos ? publish_body_limit : registry::channel_body_limit;
}

}  // namespace shoal::tracker
