// The place where a join will put what it gets, made sure of before anything is asked for.
#pragma once

#include "base/directory_lock.hpp"
#include "identity/certificate.hpp"

namespace shoal::node {

/// The state directory, locked and known to be writable, with room for what comes; and the key that the certificate will be for. The key is
/// on the disk, so that a join that is cut off can be repeated with the same token: the tracker answers the same key again for ten minutes.
class JoinLanding {
 public:
  /// Errors name the directory and say what to do: no permission, another owner, no space (`no_space`), in use (`conflict`).
  static Result<JoinLanding> prepare(const fs::path& state, const std::string& token_id);
  JoinLanding(JoinLanding&&) noexcept = default;

  const identity::KeyAndRequest& key() const { return key_; }
  /// Gives the reserved room back, right before what came is written.
  Status clear_room();
  /// After a success, or a refusal that repeating does not change: the key is not needed any more. A directory that was made for this goes,
  /// too, where it is empty.
  void forget();
  /// Root may have written into the directory of a service: everything in it is given to who owns the directory.
  Status give_to_owner() const;

 private:
  JoinLanding(fs::path state, DirectoryLock lock, bool made) : state_(std::move(state)), lock_(std::move(lock)), made_(made) {}
  Status take_key(const std::string& token_id);
  Status reserve();

  fs::path state_;
  DirectoryLock lock_;
  bool made_;  // the state directory was not there
  identity::KeyAndRequest key_;
};

}  // namespace shoal::node
