#include "node/gateway/hub.hpp"

#include "node/gateway/file_body.hpp"
#include "node/gateway/hub_answers.hpp"
#include "node/gateway/request_path.hpp"

namespace shoal::gateway {
namespace {

using http::Request;
using http::Response;

constexpr std::chrono::seconds tracker_may_be_back{10};
constexpr std::size_t longest_message = 400;

Response refused(int status, const std::string& code, const std::string& message) {
  // The message goes into a header field and may repeat a name that a client chose.
  std::string safe;
  for (const char c : message.substr(0, longest_message)) safe += c >= 0x20 && c < 0x7f ? c : '?';
  Response response;
  response.status = status;
  response.body = Json{{"error", safe}}.dump() + "\n";
  if (!code.empty()) response.fields.emplace_back("X-Error-Code", code);
  response.fields.emplace_back("X-Error-Message", safe);
  return response;
}

Response refused(const Refusal& why) {
  switch (why.kind) {
    case Refusal::Kind::no_model: return refused(404, "RepoNotFound", why.message);
    case Refusal::Kind::no_revision: return refused(404, "RevisionNotFound", why.message);
    case Refusal::Kind::forbidden: return refused(403, "GatedRepo", why.message);
    case Refusal::Kind::unreachable: break;
    case Refusal::Kind::failed: return refused(500, "", why.message);
  }
  Response response = refused(503, "", why.message);
  response.retry_after = tracker_may_be_back;
  return response;
}

Response no_entry(const manifest::VerifiedRelease& release, const std::string& path) {
  Response response = refused(404, "EntryNotFound", release->model.str() + " has no '" + path + "' in " + release->version.str());
  response.fields.emplace_back("X-Repo-Commit", commit_of(release.id()));
  return response;
}

Response json(const Json& value) {
  Response response;
  response.body = value.dump();
  return response;
}

/// Clients follow it as it is. A relative address does where the client sent a Host that is none.
std::string next_page(const Request& request, const std::string& after, const AskTree& asked) {
  const std::string host = header_of(request, "host");
  const bool is_host = host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-[]") == std::string::npos;
  std::string url = (is_host && !host.empty() ? "http://" + host : "") + request.path + "?limit=" + std::to_string(asked.limit);
  if (asked.recursive) url += "&recursive=true";
  if (asked.expand) url += "&expand=true";
  return "<" + url + "&cursor=" + percent_encode(after) + ">; rel=\"next\"";
}

class Hub {
 public:
  Hub(Library& library, const Request& request) : library_(library), request_(request) {}

  Response operator()(const HubRefusal& refusal) const {
    Response response = refused(refusal.status, refusal.code, refusal.message);
    response.allow = refusal.allow;
    return response;
  }
  Response operator()(const AskInfo& asked) const {
    return with_release(asked.model, asked.revision, [&](const auto& release) { return json(model_info(*release, asked.blobs)); });
  }
  Response operator()(const AskTree& asked) const {
    return with_release(asked.model, asked.revision, [&](const auto& release) { return tree(*release, asked); });
  }
  Response operator()(const AskPaths& asked) const {
    return with_release(asked.model, asked.revision, [&](const auto& release) { return json(paths_info(*release, asked)); });
  }
  Response operator()(const AskRefs& asked) const {
    auto names = library_.revisions(asked.model);
    return names ? json(refs(*names)) : refused(names.refusal);
  }
  Response operator()(const AskManifest& asked) const {
    return with_release(asked.model, "main", [&](const auto& release) {
      auto manifest = gguf_manifest(*release, asked.tag);
      return manifest ? json(*manifest) : refused(404, "EntryNotFound", asked.model.str() + " has no GGUF file for '" + asked.tag + "'");
    });
  }
  Response operator()(const AskFile& asked) const {
    return with_release(asked.model, asked.revision, [&](const auto& release) { return file(release, asked.path); });
  }

 private:
  template <class Answer>
  Response with_release(const ModelName& model, const std::string& revision, Answer answer) const {
    auto release = library_.find(model, revision);
    return release ? answer(*release) : refused(release.refusal);
  }

  Response tree(const manifest::VerifiedRelease& release, const AskTree& asked) const {
    auto page = tree_page_of(release, asked);
    if (!page) return no_entry(release, asked.directory);
    Response response = json(page->entries);
    if (!page->next.empty()) response.fields.emplace_back("Link", next_page(request_, page->next, asked));
    return response;
  }

  Response file(const SharedRelease& release, const std::string& path) const {
    const auto number = file_number(**release, path);
    if (!number) return no_entry(*release, path);
    const auto& entry = (*release)->files[*number];
    const FileAnswer answer = answer_for(request_, entry, (*release)->created);
    auto response = file_response(library_, request_, release, *number, answer);
    if (!response) return refused(response.refusal);
    response->fields.emplace_back("X-Repo-Commit", commit_of(release->id()));
    response->fields.emplace_back("X-Linked-Size", std::to_string(entry.size));
    response->fields.emplace_back("X-Linked-ETag", entity_tag(entry));
    return std::move(*response);
  }

  Library& library_;
  const Request& request_;
};

}  // namespace

http::Response answer_hub(Library& library, const http::Request& request) {
  return std::visit(Hub(library, request), read_hub_request(request));
}

}  // namespace shoal::gateway
