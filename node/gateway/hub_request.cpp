#include "node/gateway/hub_request.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "node/gateway/file_answer.hpp"
#include "node/gateway/request_path.hpp"

namespace shoal::gateway {
namespace {

using Segments = std::vector<std::string>;
using Parameters = std::map<std::string, std::string>;

HubRefusal unknown_path() { return {404, "", "the gateway has nothing at this address"}; }
HubRefusal bad_request(const Error& error) { return {400, "", error.message}; }
HubRefusal wrong_method(std::string allow) { return {405, "", "the gateway is read-only; allowed here: " + allow, allow}; }

bool flag(const Parameters& parameters, const std::string& name) {
  const auto found = parameters.find(name);
  return found != parameters.end() && (found->second == "true" || found->second == "True" || found->second == "1");
}

std::string parameter(const Parameters& parameters, const std::string& name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string() : found->second;
}

std::size_t limit_of(const Parameters& parameters) {
  const std::string text = parameter(parameters, "limit");
  if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != std::string::npos) return tree_page;
  return std::clamp<std::size_t>(std::stoul(text), 1, tree_page);
}

bool reads(const http::Request& request) { return request.method == "GET" || request.method == "HEAD"; }

/// What JSON or a form says of the paths that are asked for.
Result<AskPaths> read_paths(const http::Request& request, AskPaths asked) {
  SHOAL_TRY(const Json body, parse_json(request.body, body_limit).within("the body"));
  if (!body.is_object() || !body.contains("paths") || !body["paths"].is_array())
    return fail(ErrorCode::usage, "the body must be {\"paths\": [...]}");
  if (body["paths"].size() > most_paths) return fail(ErrorCode::usage, "the body names more than 10000 paths");
  for (const Json& path : body["paths"]) {
    if (!path.is_string()) return fail(ErrorCode::usage, "the body has a path that is not a string");
    asked.paths.push_back(path.get<std::string>());
  }
  asked.expand = body.contains("expand") && body["expand"].is_boolean() && body["expand"].get<bool>();
  return asked;
}

HubAsked read_tree(const Segments& path, const Parameters& parameters, const ModelName& model) {
  std::string directory = joined(path, 6);
  while (directory.ends_with('/')) directory.pop_back();
  return AskTree{model,
                 path[5],
                 directory,
                 flag(parameters, "recursive"),
                 flag(parameters, "expand"),
                 limit_of(parameters),
                 parameter(parameters, "cursor")};
}

HubAsked read_paths_info(const http::Request& request, const Segments& path, const ModelName& model) {
  if (request.method != "POST") return wrong_method("POST");
  auto asked = read_paths(request, {model, path[5], {}});
  if (!asked.ok()) return bad_request(asked.error());
  return std::move(*asked);
}

/// /api/models/{org}/{name}/...
HubAsked read_api(const http::Request& request, const Segments& path, const Parameters& parameters) {
  if (path.size() < 4 || path[1] != "models") return unknown_path();
  auto model = ModelName::parse(path[2] + "/" + path[3]);
  if (!model.ok()) return HubRefusal{404, "RepoNotFound", "'" + path[2] + "/" + path[3] + "' is not the name of a model"};
  const std::string& what = path.size() > 4 ? path[4] : "";
  if (what == "paths-info" && path.size() == 6) return read_paths_info(request, path, *model);
  const bool info = path.size() == 4 || (what == "revision" && path.size() == 6), tree = what == "tree" && path.size() >= 6;
  const bool refs = what == "refs" && path.size() == 5;
  if (!info && !tree && !refs) return unknown_path();
  if (!reads(request)) return wrong_method("GET, HEAD");
  if (refs) return AskRefs{*model};
  if (tree) return read_tree(path, parameters, *model);
  return AskInfo{*model, path.size() == 4 ? "main" : path[5], flag(parameters, "blobs")};
}

HubAsked read_resolve(const http::Request& request, const Segments& path) {
  if (!reads(request)) return wrong_method("GET, HEAD");
  auto model = ModelName::parse(path[0] + "/" + path[1]);
  if (!model.ok()) return HubRefusal{404, "RepoNotFound", "'" + path[0] + "/" + path[1] + "' is not the name of a model"};
  return AskFile{*model, path[3], joined(path, 4)};
}

HubAsked read_manifest(const http::Request& request, const Segments& path) {
  auto model = ModelName::parse(path[1] + "/" + path[2]);
  if (path.size() != 5 || path[3] != "manifests" || !model.ok()) return unknown_path();
  if (!reads(request)) return wrong_method("GET, HEAD");
  return AskManifest{*model, path[4]};
}

}  // namespace

bool is_for_hub(const http::Request& request) {
  if (request.path.starts_with("/api/") || request.path.starts_with("/v2/")) return true;
  const auto path = path_segments(request.path);
  return path.ok() && path->size() > 4 && (*path)[2] == "resolve";
}

HubAsked read_hub_request(const http::Request& request) {
  auto path = path_segments(request.path);
  if (!path.ok()) return bad_request(path.error());
  auto parameters = query_parameters(request.query);
  if (!parameters.ok()) return bad_request(parameters.error());
  if (path->size() > 4 && (*path)[2] == "resolve") return read_resolve(request, *path);
  if (path->size() > 1 && (*path)[0] == "api") return read_api(request, *path, *parameters);
  if (path->size() > 3 && (*path)[0] == "v2") return read_manifest(request, *path);
  return unknown_path();
}

}  // namespace shoal::gateway
