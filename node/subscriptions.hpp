// Which channels this machine follows: what `shoal follow` wrote to STATE/subscriptions.json, and what the configuration adds.
#pragma once

#include <string>
#include <vector>

#include "base/files.hpp"
#include "node/reference.hpp"
#include "node/track.hpp"

namespace shoal::node {

struct Subscription {
  ChannelKey key;
  std::vector<std::string> hooks;  // node/hooks.hpp; none: those of the configuration
  bool operator==(const Subscription&) const = default;
};

/// "org/name" (its channel main) or "org/name:channel"; code `usage` for anything else.
Result<ChannelKey> parse_channel_key(std::string_view text);

/// What is followed by command. Writers take a lock of their own for the moment, so that a daemon may run.
class SubscriptionFile {
 public:
  explicit SubscriptionFile(const fs::path& state) : file_(state / "subscriptions.json") {}
  Result<std::vector<Subscription>> load() const;
  /// Adds, or replaces the hooks of one that is there. True: it is new.
  Result<bool> add(const Subscription& subscription) const;
  /// Code `not_found` where it is not there.
  Status remove(const ChannelKey& key) const;
  /// Changes whenever the file does.
  fs::file_time_type stamp() const;

 private:
  Status store(const std::vector<Subscription>& all) const;
  fs::path file_;
};

}  // namespace shoal::node
