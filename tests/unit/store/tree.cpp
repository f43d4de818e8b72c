#include "tree.hpp"

#include <doctest/doctest.h>

#include <fstream>

namespace shoal::store::testing {

std::string content(std::size_t size, unsigned seed) {
  std::string bytes(size, '\0');
  std::uint64_t state = seed * 2654435761u + 1;
  for (char& byte : bytes) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

void Tree::write(const std::string& path, const std::string& bytes) {
  fs::path full = root() / path;
  fs::create_directories(full.parent_path());
  std::ofstream(full, std::ios::binary) << bytes;
  REQUIRE(fs::file_size(full) == bytes.size());
}

std::string Tree::read(const std::string& path) const {
  Result<std::string> bytes = read_file(root() / path, 1 * GiB);
  REQUIRE(bytes.ok());
  return std::move(bytes).value();
}

Layout Tree::layout(std::uint32_t piece_length) const {
  auto files = list_tree(root());
  if (!files.ok()) FAIL(files.error().message);
  return Layout(std::move(files).value(), piece_length);
}

TreeHashes hash_plainly(const Tree& tree, const Layout& layout) {
  TreeHashes hashes;
  std::vector<std::string> padded;
  for (const auto& file : layout.files()) {
    std::string bytes = tree.read(file.path);
    hashes.files.push_back(crypto::sha256(bytes));
    for (std::size_t at = 0; at < bytes.size(); at += layout.piece_length()) {
      std::string piece = bytes.substr(at, layout.piece_length());
      hashes.pieces.push_back({Sha1{}, crypto::sha256(piece)});
      piece.resize(layout.piece_length(), '\0');
      hashes.pieces.back().sha1 = crypto::sha1(piece);
      if (hashes.pieces.size() == layout.piece_count()) hashes.pieces.back().sha1 = crypto::sha1(bytes.substr(at, layout.piece_length()));
    }
  }
  return hashes;
}

}  // namespace shoal::store::testing
