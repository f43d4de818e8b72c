// The interface through which the gateway asks the node that it runs in.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/body_source.hpp"
#include "manifest/trust.hpp"
#include "node/gateway/byte_range.hpp"

namespace shoal::gateway {

using SharedRelease = std::shared_ptr<const manifest::VerifiedRelease>;

/// Why a release cannot be named or opened.
struct Refusal {
  enum class Kind {
    no_model,     // the fleet has none of this name, or this machine may not have it
    no_revision,  // the model has no such channel, version or commit
    forbidden,    // its formats may execute code, and this node does not consent
    unreachable,  // the tracker does not answer, and it is not here
    failed,       // anything else, such as a full disk
  };
  Kind kind = Kind::failed;
  std::string message;
};

template <class T>
struct Answer {
  std::optional<T> value;
  Refusal refusal = {};

  Answer(T found) : value(std::move(found)) {}
  Answer(Refusal why) : refusal(std::move(why)) {}
  explicit operator bool() const { return value.has_value(); }
  T& operator*() { return *value; }
  T* operator->() { return &*value; }
};

/// A name that a model's release has: a channel or a version.
struct RevisionName {
  std::string name;
  ReleaseId release;
  bool is_channel = false;
};

/// Thread-safe. Calls may block for as long as the tracker takes to answer, or fails to.
class Library {
 public:
  virtual ~Library() = default;

  /// The release that a revision names: a channel, a version, or the first 40 hexadecimal digits of a release's id.
  virtual Answer<SharedRelease> find(const ModelName& model, const std::string& revision) = 0;
  /// The channels and versions of a model, as far as this node can tell.
  virtual Answer<std::vector<RevisionName>> revisions(const ModelName& model) = 0;
  /// The models of which this node has a release, in order.
  virtual std::vector<ModelName> models() = 0;
  /// Bytes of a file (by its number in the release). Where the node does not have the release, it begins to fetch it, and the bytes come
  /// as they are verified.
  virtual Answer<std::shared_ptr<http::BodySource>> open(const SharedRelease& release, std::size_t file, const Span& bytes) = 0;
};

/// 40 digits that name a release where Hugging Face's clients expect a commit.
inline std::string commit_of(const ReleaseId& id) { return id.hex().substr(0, 40); }
inline bool is_commit(const std::string& text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace shoal::gateway
