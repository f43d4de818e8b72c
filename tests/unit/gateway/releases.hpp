// A verified release, and a library that has it and nothing else.
#pragma once

#include <doctest/doctest.h>

#include "crypto/digest.hpp"
#include "node/gateway/library.hpp"
#include "support/must.hpp"
#include "support/published.hpp"

namespace shoal::gateway::test {

using shoal::test::must;

inline const WallTime made_at{std::chrono::seconds(784'111'777)};  // Sun, 06 Nov 1994 08:49:37 GMT

inline manifest::Release release_of(const std::vector<std::string>& paths) {
  manifest::Release release;
  release.model = must(ModelName::parse("acme/llama"));
  release.version = must(VersionName::parse("1.0"));
  release.created = made_at;
  ByteCount size = 100;
  for (const std::string& path : paths) release.files.push_back({path, size += 10, crypto::sha256(path)});
  release.format = {"safetensors", 3, 7000, {}};
  release.swarm.info_hash = must(InfoHash::from_hex(std::string(40, 'a')));
  release.swarm.piece_length = 16384;
  release.swarm.metainfo_size = 10;
  return release;
}

inline SharedRelease verified(const manifest::Release& release) {
  return std::make_shared<const manifest::VerifiedRelease>(shoal::test::Publisher().verified(release));
}

inline SharedRelease small_release() {
  return verified(release_of({"config.json", "nested/a.bin", "nested/deep/b.bin", "weights-Q4_K_M.gguf", "weights-Q8_0.gguf"}));
}

/// Answers for acme/llama and its revisions main and 1.0.
class OneModel final : public Library {
 public:
  explicit OneModel(SharedRelease release) : release_(std::move(release)) {}
  Answer<SharedRelease> find(const ModelName& model, const std::string& revision) override {
    if (refusal) return *refusal;
    if (model != (*release_)->model) return Refusal{Refusal::Kind::no_model, "the fleet has no model " + model.str()};
    if (revision == "main" || revision == "1.0" || revision == commit_of(release_->id())) return release_;
    return Refusal{Refusal::Kind::no_revision, "no revision " + revision};
  }
  Answer<std::vector<RevisionName>> revisions(const ModelName& model) override {
    if (model != (*release_)->model) return Refusal{Refusal::Kind::no_model, "the fleet has no model"};
    return std::vector<RevisionName>{{"main", release_->id(), true}, {"1.0", release_->id(), false}};
  }
  std::vector<ModelName> models() override { return {(*release_)->model}; }
  Answer<std::shared_ptr<http::BodySource>> open(const SharedRelease&, std::size_t file, const Span& bytes) override {
    ++opened;
    last_file = file;
    last_bytes = bytes;
    return std::shared_ptr<http::BodySource>(std::make_shared<Bytes>(bytes.length));
  }

  std::optional<Refusal> refusal;
  int opened = 0;
  std::size_t last_file = 0;
  Span last_bytes;

 private:
  struct Bytes final : http::BodySource {
    explicit Bytes(ByteCount length) : length_(length) {}
    ByteCount size() const override { return length_; }
    Result<Stretch> at(ByteCount) override { return fail("not read here"); }
    void on_news(std::function<void()>) override {}
    const ByteCount length_;
  };
  const SharedRelease release_;
};

inline http::Request request(const std::string& method, const std::string& target, std::map<std::string, std::string> headers = {}) {
  http::Request made;
  made.method = method;
  const auto question = target.find('?');
  made.path = target.substr(0, question);
  if (question != std::string::npos) made.query = target.substr(question + 1);
  made.headers = std::move(headers);
  return made;
}

/// A field of an answer; empty where there is none.
inline std::string field(const http::Response& response, const std::string& name) {
  for (const auto& [key, value] : response.fields)
    if (key == name) return value;
  return "";
}

}  // namespace shoal::gateway::test
