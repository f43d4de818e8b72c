// The next trust root, made from the one in force by what an administrator asks for. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "manifest/trust.hpp"

namespace shoal::publisher {

struct RootEdit {
  struct Publisher {
    crypto::PublicKey key;
    std::string pattern = "*";  // "*", "org/*" or "org/name"
  };
  std::vector<Publisher> add_publishers;
  std::vector<std::string> remove_publishers;  // key ids, or how they begin
  std::vector<crypto::PublicKey> add_root_keys;
  std::vector<std::string> remove_root_keys;
  std::vector<crypto::PublicKey> add_tracker_keys;
  std::vector<std::string> remove_tracker_keys;
  std::optional<std::uint32_t> root_threshold;
  bool new_epoch = false;  // pointers of before are over
  WallTime expires;
};

/// Version one higher, keys that nothing names any more left out. `usage` where the edit cannot be made: a key that is not there, a
/// threshold that its keys cannot reach.
Result<manifest::TrustRoot> edit(const manifest::TrustRoot& now, const RootEdit& edit);

}  // namespace shoal::publisher
