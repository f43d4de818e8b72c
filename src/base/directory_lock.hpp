// Which process may use a state directory.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/files.hpp"

namespace shoal {

/// An exclusive lock on DIR/lock, held until destruction. The file names its holder, for those who find it taken.
class DirectoryLock {
 public:
  /// Fails with `conflict` when another process holds it; the message names that process.
  static Result<DirectoryLock> acquire(const fs::path& directory);

 private:
  explicit DirectoryLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

struct LockHolder {
  long pid = 0;
  std::string command;  // "shoal node run"

  /// "process 4711 (shoal node run)".
  std::string str() const;
};

/// The last process that took the lock, if it still runs. For messages: it may have given the lock back since.
std::optional<LockHolder> lock_holder(const fs::path& directory);

/// The program of this process and the words of its command, "shoal node run", from its arguments: nothing that may be a secret.
std::string command_words(const std::vector<std::string>& arguments);

}  // namespace shoal
