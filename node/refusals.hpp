// What this node refused because of its content, so that it is not fetched again: STATE/refused/<release>.json.
#pragma once

#include <optional>
#include <string>

#include "base/files.hpp"
#include "base/ids.hpp"

namespace shoal::node {

/// A refusal stands for one release and one consent, and for the rules by which it was decided (manifest::format_rules): it is void when
/// any of them is another. Thread-safe for different releases.
class Refusals {
 public:
  explicit Refusals(const fs::path& state) : root_(state / "refused") {}

  /// Why the release was refused before, or nothing.
  std::optional<std::string> reason(const ReleaseId& release, bool node_allows) const;
  /// Whether it was refused with another consent than this one, or by other rules.
  bool is_void(const ReleaseId& release, bool node_allows) const;
  /// Durable when it returns. The oldest go where there are more than `most`.
  Status note(const ReleaseId& release, bool node_allows, const std::string& why) const;

  static constexpr std::size_t most = 1000;

 private:
  fs::path file(const ReleaseId& release) const { return root_ / (release.hex() + ".json"); }
  void drop_the_oldest() const;

  fs::path root_;
};

}  // namespace shoal::node
