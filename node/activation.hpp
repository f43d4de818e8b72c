// The switch: links, the Hugging Face layout, hooks, and the way back when a hook fails.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "node/hooks.hpp"
#include "node/huggingface_cache.hpp"
#include "node/track.hpp"

namespace shoal::node {

class Shelf;

struct Switch {
  ChannelKey key;
  manifest::VerifiedRelease release;  // on the shelf
  std::optional<ReleaseId> before;    // what was active, and is again if a hook fails
  std::vector<Hook> hooks;
  HookOptions hook_options;
  bool allow_code_formats = false;
};

/// Thread-safe; each call blocks for as long as its hooks take.
class Activator {
 public:
  /// A release on the shelf, verified again.
  using Verified = std::function<Result<manifest::VerifiedRelease>(const ReleaseId&)>;
  /// `cache` may be null. All outlive this.
  Activator(Shelf& shelf, HuggingFaceCache* cache, Verified verified) : shelf_(shelf), cache_(cache), verified_(std::move(verified)) {}

  /// After success the link points at the release and every hook has succeeded. After an error it points where it pointed before, and
  /// the hooks were told so, as far as they listen. Code `verification` where the release came with another consent to formats that
  /// execute code than today's.
  Status activate(const Switch& order, const std::stop_token& stop);
  /// Shows in the Hugging Face layout what is active already; without one, nothing.
  Status show(const ChannelKey& key, const manifest::VerifiedRelease& release);
  /// Takes a release that is about to be removed out of the Hugging Face layout.
  Status hide(const ModelName& model, const ReleaseId& id);
  bool has_cache() const { return cache_ != nullptr; }

 private:
  Status point_cache(const ChannelKey& key, const ReleaseId& id);
  Status run_hooks(const Switch& order, const manifest::VerifiedRelease& release, const std::optional<ReleaseId>& previous,
                   const std::stop_token& stop);
  void go_back(const Switch& order, const std::stop_token& stop);
  Status point_back(const Switch& order, const std::stop_token& stop);
  Status withdraw(const ChannelKey& key);

  Shelf& shelf_;
  HuggingFaceCache* cache_;
  const Verified verified_;
  std::mutex cache_mutex_;
};

}  // namespace shoal::node
