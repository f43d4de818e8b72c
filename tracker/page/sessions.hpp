// Sessions of people who look at the page, each with a secret in a cookie. Knows no HTTP.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/ids.hpp"

namespace shoal::page {

struct Session {
  Sha256 id{};  // of its secret
  SteadyTime until;
};

/// Thread-safe. Sessions are kept by the hash of their secret: how long a look-up takes tells nothing about a secret.
class Sessions {
 public:
  static constexpr std::chrono::hours life{12};
  static constexpr std::size_t most = 64;  // with one more, the oldest ends

  explicit Sessions(const Clock& clock) : clock_(clock) {}

  /// The secret of a new session, for its cookie.
  std::string begin();
  std::optional<Session> find(const std::string& secret) const;
  void end(const Session& session);

 private:
  const Clock& clock_;
  Guarded<std::unordered_map<Sha256, SteadyTime>> ends_;
};

}  // namespace shoal::page
