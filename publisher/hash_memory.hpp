// Hashes of files that were read already, so that hashing goes on where it stopped: STATE/hashing/<SHA-256 of the directory's path>.
// It spares work and is needed for nothing: what cannot be read, or is of a file that has changed, counts as not there.
#pragma once

#include <map>

#include "base/guarded.hpp"
#include "store/hash_tree.hpp"

namespace shoal::publisher {

/// Of one directory, for one layout. Thread-safe.
class HashMemory {
 public:
  /// `layout` must outlive it.
  HashMemory(const fs::path& state, const fs::path& root, const store::Layout& layout);
  std::optional<store::FileHashes> find(std::uint32_t file, const store::FileStamp& stamp) const;
  /// Survives the process; after a power failure the last ones may be missing.
  void add(std::uint32_t file, const store::FileStamp& stamp, const store::FileHashes& hashes);

  static void forget(const fs::path& state, const fs::path& root);

 private:
  struct Known {
    store::FileStamp stamp;
    std::string hashes;  // encoded
    std::uint32_t piece_length = 0;
    bool last = false;
  };
  void read(const std::string& text);
  void read_line(std::string_view line);
  bool is_last(std::uint32_t file) const;

  const fs::path path_;
  const store::Layout& layout_;
  std::map<std::string, Known> known_;
  Guarded<UniqueFd> file_;
};

}  // namespace shoal::publisher
