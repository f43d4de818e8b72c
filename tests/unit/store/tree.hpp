// Directories of files with known content, and their hashes computed in the plainest way.
#pragma once

#include <string>
#include <vector>

#include "crypto/digest.hpp"
#include "store/hash_tree.hpp"

namespace shoal::store::testing {

/// `size` bytes that depend on the seed and do not repeat within a piece.
std::string content(std::size_t size, unsigned seed);

class Tree {
 public:
  const fs::path& root() const { return directory_.path(); }
  void write(const std::string& path, const std::string& bytes);
  std::string read(const std::string& path) const;
  /// A listing that must succeed, as a layout.
  Layout layout(std::uint32_t piece_length, Packing packing = Packing::aligned) const;

 private:
  TempDirectory directory_;
};

/// One file and one piece after the other, everything in memory.
TreeHashes hash_plainly(const Tree& tree, const Layout& layout);

}  // namespace shoal::store::testing
