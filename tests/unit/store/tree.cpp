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

Layout Tree::layout(std::uint32_t piece_length, Packing packing) const {
  auto files = list_tree(root());
  if (!files.ok()) FAIL(files.error().message);
  return Layout(std::move(files).value(), piece_length, packing);
}

TreeHashes hash_plainly(const Tree& tree, const Layout& layout) {
  TreeHashes hashes;
  std::vector<std::string> files;
  for (const auto& file : layout.files()) {
    files.push_back(tree.read(file.path));
    hashes.files.push_back(crypto::sha256(files.back()));
  }
  for (std::uint32_t number = 0; number < layout.piece_count(); ++number) {
    std::string piece;
    for (const FilePart& part : layout.parts(number)) piece += files[part.file].substr(part.offset, part.length);
    hashes.pieces.push_back({Sha1{}, crypto::sha256(piece)});
    const FilePart part = layout.parts(number).front();
    crypto::Sha256Chain chain;
    chain.update(std::string_view(files[part.file]).substr(0, part.offset + part.length));
    if (has_state(layout, number)) hashes.pieces.back().after = chain.state();
    if (number + 1 < layout.piece_count()) piece.resize(layout.piece_length(), '\0');
    hashes.pieces.back().sha1 = crypto::sha1(piece);
  }
  return hashes;
}

}  // namespace shoal::store::testing
