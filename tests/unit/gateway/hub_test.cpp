// The Hub's dialect: which request asks for what, and what its clients read in the answers.
#include "node/gateway/hub.hpp"

#include "node/gateway/hub_answers.hpp"
#include "node/gateway/request_path.hpp"
#include "releases.hpp"

namespace shoal::gateway::test {
namespace {

class Asked {
 public:
  http::Response get(const std::string& target, std::map<std::string, std::string> headers = {}) {
    return answer_hub(library, request("GET", target, std::move(headers)));
  }
  Json json(const std::string& target) {
    const auto response = get(target);
    CHECK_MESSAGE(response.status == 200, target << ": " << response.body);
    return Json::parse(response.body);
  }
  std::string code(const std::string& target) { return field(get(target), "X-Error-Code"); }
  std::string commit() const { return commit_of(release->id()); }

  SharedRelease release = small_release();
  OneModel library{release};
};

std::vector<std::string> paths_of(const Json& entries) {
  std::vector<std::string> paths;
  for (const Json& entry : entries) paths.push_back(entry["path"]);
  return paths;
}

TEST_CASE("the information about a model names its commit and its files") {
  Asked hub;
  for (const std::string& target : {std::string("/api/models/acme/llama"), std::string("/api/models/acme/llama/revision/1.0"),
                                    "/api/models/acme/llama/revision/" + hub.commit()}) {
    const Json info = hub.json(target);
    CHECK(info["id"] == "acme/llama");
    CHECK(info["sha"] == hub.commit());
    CHECK(info["private"] == true);
    CHECK(info["lastModified"] == "1994-11-06T08:49:37.000Z");
    CHECK(info["safetensors"]["total"] == 7000);
    CHECK(info["siblings"].size() == 5);
    CHECK(info["siblings"][0] == Json{{"rfilename", "config.json"}, {"size", 110}});
  }
  const Json blobs = hub.json("/api/models/acme/llama?blobs=true")["siblings"][0];
  CHECK(blobs["lfs"]["sha256"] == crypto::sha256("config.json").hex());
}

TEST_CASE("a tree shows a directory, or all below it") {
  Asked hub;
  CHECK(paths_of(hub.json("/api/models/acme/llama/tree/main")) ==
        std::vector<std::string>{"config.json", "nested", "weights-Q4_K_M.gguf", "weights-Q8_0.gguf"});
  CHECK(paths_of(hub.json("/api/models/acme/llama/tree/main?recursive=true")) ==
        std::vector<std::string>{"config.json", "nested", "nested/a.bin", "nested/deep", "nested/deep/b.bin", "weights-Q4_K_M.gguf",
                                 "weights-Q8_0.gguf"});
  CHECK(paths_of(hub.json("/api/models/acme/llama/tree/main/nested")) == std::vector<std::string>{"nested/a.bin", "nested/deep"});
  CHECK(paths_of(hub.json("/api/models/acme/llama/tree/main/nested%2Fdeep")) == std::vector<std::string>{"nested/deep/b.bin"});
  const Json file = hub.json("/api/models/acme/llama/tree/main?expand=true")[0];
  CHECK(file["type"] == "file");
  CHECK(file["lfs"]["oid"] == crypto::sha256("config.json").hex());
  CHECK(file["lfs"]["size"] == 110);
  CHECK(file["lastCommit"]["id"] == hub.commit());
}

TEST_CASE("a long tree comes in pages that follow each other") {
  Asked hub;
  std::vector<std::string> all;
  std::string target = "/api/models/acme/llama/tree/main?recursive=true&limit=2";
  int pages = 0;
  for (; !target.empty(); ++pages) {
    REQUIRE(pages < 10);
    const auto page = hub.get(target, {{"host", "127.0.0.1:7450"}});
    for (const std::string& path : paths_of(Json::parse(page.body))) all.push_back(path);
    std::string link = field(page, "Link");
    CHECK((link.empty() || link.starts_with("<http://127.0.0.1:7450/api/models/acme/llama/tree/main?")));
    CHECK((link.empty() || link.ends_with(">; rel=\"next\"")));
    target = link.empty() ? "" : link.substr(22, link.find('>') - 22);
  }
  CHECK(pages == 4);
  CHECK(all == paths_of(hub.json("/api/models/acme/llama/tree/main?recursive=true")));
  CHECK(field(hub.get(std::string("/api/models/acme/llama/tree/main?limit=1"), {{"host", "a\"><b"}}), "Link").starts_with("</api/"));
}

TEST_CASE("paths-info answers for the paths that exist, directories too") {
  Asked hub;
  auto asking = request("POST", "/api/models/acme/llama/paths-info/main");
  asking.body = R"({"paths":["nested","nope","config.json","config.json","nested/deep/"],"expand":true})";
  const Json found = Json::parse(answer_hub(hub.library, asking).body);
  CHECK(paths_of(found) == std::vector<std::string>{"config.json", "nested", "nested/deep"});
  CHECK(found[0]["lastCommit"]["id"] == hub.commit());
  for (const char* body : {"", "[]", "{}", R"({"paths":"a"})", R"({"paths":[1]})"}) {
    asking.body = body;
    CHECK(answer_hub(hub.library, asking).status == 400);
  }
}

TEST_CASE("refs show channels as branches and versions as tags") {
  Asked hub;
  const Json refs = hub.json("/api/models/acme/llama/refs");
  CHECK(refs["branches"][0] == Json{{"name", "main"}, {"ref", "refs/heads/main"}, {"targetCommit", hub.commit()}});
  CHECK(refs["tags"][0]["ref"] == "refs/tags/1.0");
}

TEST_CASE("llama.cpp learns which file a quantisation is") {
  Asked hub;
  CHECK(hub.json("/v2/acme/llama/manifests/Q8_0")["ggufFile"]["rfilename"] == "weights-Q8_0.gguf");
  CHECK(hub.json("/v2/acme/llama/manifests/q4_k_m")["ggufFile"]["rfilename"] == "weights-Q4_K_M.gguf");
  CHECK(hub.json("/v2/acme/llama/manifests/latest")["ggufFile"]["rfilename"] == "weights-Q4_K_M.gguf");
  CHECK(hub.get("/v2/acme/llama/manifests/Q2_K").status == 404);
}

TEST_CASE("a file comes with what the Hub's clients look at") {
  Asked hub;
  const auto whole = hub.get("/acme/llama/resolve/main/nested/deep/b.bin");
  CHECK(whole.status == 200);
  CHECK(field(whole, "X-Repo-Commit") == hub.commit());
  CHECK(field(whole, "X-Linked-Size") == "130");
  CHECK(field(whole, "X-Linked-ETag") == field(whole, "ETag"));
  REQUIRE(whole.source);
  CHECK(whole.source->size() == 130);
  CHECK(hub.library.last_file == 2);
  const auto part = hub.get("/acme/llama/resolve/main/config.json", {{"range", "bytes=5-"}});
  CHECK(part.status == 206);
  CHECK(hub.library.last_bytes == Span{5, 105});
}

TEST_CASE("HEAD opens nothing, and neither does an answer without a body") {
  Asked hub;
  const auto head = answer_hub(hub.library, request("HEAD", "/acme/llama/resolve/main/config.json"));
  CHECK(head.status == 200);
  CHECK(head.source->size() == 110);
  CHECK(hub.get("/acme/llama/resolve/main/config.json", {{"if-none-match", field(head, "ETag")}}).status == 304);
  CHECK(hub.get("/acme/llama/resolve/main/config.json", {{"range", "bytes=110-"}}).status == 416);
  CHECK(hub.library.opened == 0);
}

TEST_CASE("what is missing has the Hub's code for it") {
  Asked hub;
  CHECK(hub.code("/api/models/acme/none") == "RepoNotFound");
  CHECK(hub.code("/api/models/acme/..") == "RepoNotFound");
  CHECK(hub.code("/acme/none/resolve/main/x") == "RepoNotFound");
  CHECK(hub.code("/acme/llama/resolve/refs%2Fpr%2F1/x") == "RevisionNotFound");
  CHECK(hub.code("/api/models/acme/llama/tree/9") == "RevisionNotFound");
  for (const char* path :
       {"nope", "../config.json", "%2e%2e/config.json", "nested/../config.json", "/config.json", "nested", "config.json/", ""}) {
    const auto missing = hub.get(std::string("/acme/llama/resolve/main/") + path);
    CHECK_MESSAGE(missing.status == 404, path);
    CHECK(field(missing, "X-Error-Code") == "EntryNotFound");
    CHECK(field(missing, "X-Repo-Commit") == hub.commit());
  }
  CHECK(hub.code("/api/models/acme/llama/tree/main/additional_chat_templates") == "EntryNotFound");
}

TEST_CASE("each refusal of the library has its status") {
  Asked hub;
  const auto status = [&](Refusal::Kind kind) {
    hub.library.refusal = Refusal{kind, "because\r\nSet-Cookie: x"};
    return hub.get("/acme/llama/resolve/main/config.json");
  };
  CHECK(status(Refusal::Kind::forbidden).status == 403);
  CHECK(status(Refusal::Kind::failed).status == 500);
  const auto away = status(Refusal::Kind::unreachable);
  CHECK(away.status == 503);
  CHECK(away.retry_after.count() > 0);
  CHECK(field(away, "X-Error-Message") == "because??Set-Cookie: x");
}

TEST_CASE("the gateway is read-only, and knows its own paths alone") {
  Asked hub;
  const auto status = [&](const char* method, const char* target) { return answer_hub(hub.library, request(method, target)).status; };
  CHECK(status("POST", "/api/models/acme/llama") == 405);
  CHECK(status("DELETE", "/acme/llama/resolve/main/config.json") == 405);
  CHECK(status("GET", "/api/models/acme/llama/paths-info/main") == 405);
  CHECK(status("GET", "/api/whoami-v2") == 404);
  CHECK(status("POST", "/api/repos/create") == 404);
  CHECK(status("GET", "/api/models/acme/llama/xet-read-token/main") == 404);
  CHECK(status("GET", "/api/models/acme/llama%zz") == 400);
  CHECK(status("GET", "/api/models/acme/%ff%fe") == 400);
  CHECK(status("GET", "/acme/llama/resolve/main/a%00b") == 400);
}

TEST_CASE("an address is decoded part by part") {
  CHECK(must(path_segments("/a/b%2Fc/")) == std::vector<std::string>{"a", "b/c", ""});
  CHECK(must(path_segments("/")).empty());
  CHECK(must(query_parameters("a=1&b=x+y&b=%26&c"))["b"] == "&");
  CHECK(must(query_parameters("a=x+y"))["a"] == "x y");
  CHECK(must(query_parameters("c")).at("c").empty());
  CHECK(encoded_path("a b/ä") == "a%20b/%C3%A4");
}

}  // namespace
}  // namespace shoal::gateway::test
