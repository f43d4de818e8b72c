#include "node/inference_hooks.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/shutdown.hpp"

namespace shoal::node {
namespace {

constexpr std::size_t shown_body = 500;  // bytes of an answer in an error
constexpr std::chrono::milliseconds health_interval{250};
constexpr ByteCount answer_limit = 1 * MiB;

Json to_json(const HookContext& context) {
  Json json{{"model", context.model.str()},
            {"channel", context.channel.str()},
            {"version", context.version.str()},
            {"release", context.release.hex()},
            {"path", context.path.string()},
            {"release_path", context.release_path.string()},
            {"previous", nullptr}};
  if (context.previous) json["previous"] = context.previous->hex();
  return json;
}

std::string said(const http::Response& response) {
  std::string text = "status " + std::to_string(response.status);
  return response.body.empty() ? text : text + ": " + printable(response.body, shown_body);
}

std::string last_part(const ModelName& model) { return model.str().substr(model.str().find('/') + 1); }

}  // namespace

std::chrono::milliseconds LocalServer::left() const {
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
  return std::max(left, std::chrono::milliseconds(1));
}

Result<http::Response> LocalServer::call(const std::string& method, const std::string& target, const std::string& body) const {
  http::ClientRequest request;
  request.method = method;
  request.target = target;
  request.body = body;
  request.timeout = left();
  request.body_limit = answer_limit;
  return http::send_plain(url_.server, request, stop_);
}

Result<http::Response> LocalServer::post(const std::string& target, const std::string& body) const {
  SHOAL_TRY(http::Response response, call("POST", target, body));
  if (response.status < 200 || response.status > 299) return fail("POST " + target + ": " + said(response));
  return response;
}

Status LocalServer::await_healthy(const std::string& target) const {
  std::string problem;
  do {
    auto response = call("GET", target, "");
    if (response.ok() && response->status == 200) return {};
    // A request that our own deadline cut off says less than the answer before it.
    if (response.ok()) problem = said(*response);
    else if (problem.empty() || std::chrono::steady_clock::now() < deadline_) problem = response.error().message;
  } while (std::chrono::steady_clock::now() < deadline_ && sleep_for(std::min(health_interval, left()), stop_));
  if (stop_.stop_requested()) return fail(ErrorCode::interrupted, "interrupted while waiting for " + target);
  return fail("GET " + target + " did not become healthy in time; last: " + problem);
}

Status notify(const LocalServer& server, const HookContext& context) {
  SHOAL_CHECK(server.post(server.path().empty() ? "/" : server.path(), to_json(context).dump()));
  return {};
}

Status reload_triton(const LocalServer& server, const HookContext& context) {
  std::string name = server.path().size() > 1 ? server.path().substr(1) : last_part(context.model);
  SHOAL_CHECK(server.post("/v2/repository/models/" + name + "/load", "{}"));
  return server.await_healthy("/v2/health/ready");
}

Status reload_sglang(const LocalServer& server, const HookContext& context) {
  Json body{{"model_path", context.path.string()}};
  SHOAL_TRY(http::Response response, server.post("/update_weights_from_disk", body.dump()));
  SHOAL_TRY(Json answer, parse_json(response.body, answer_limit).within("the answer of /update_weights_from_disk"));
  // What else is in the answer differs between SGLang's versions.
  const bool updated = answer.is_object() && answer.contains("success") && answer["success"] == true;
  if (!updated) return fail("/update_weights_from_disk did not succeed: " + printable(response.body, shown_body));
  return server.await_healthy("/health");
}

Status reload_vllm(const LocalServer& server) {
  SHOAL_CHECK(server.post("/sleep?level=2", ""));
  SHOAL_CHECK(server.post("/wake_up?tags=weights", ""));
  SHOAL_CHECK(server.post("/collective_rpc", Json{{"method", "reload_weights"}}.dump()));
  SHOAL_CHECK(server.post("/wake_up?tags=kv_cache", ""));
  return server.await_healthy("/health");
}

}  // namespace shoal::node
