#include "store/file_proof.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "store/hash_tree.hpp"
#include "tree.hpp"

namespace shoal::store {
namespace {

using testing::content;
using testing::Tree;

constexpr std::uint32_t piece_length = 16 * KiB;

/// Files of all lengths around a piece, with their proof.
struct Proved {
  explicit Proved(Packing packing = Packing::aligned) {
    unsigned seed = 0;
    for (const std::size_t size : {1u, 100u, piece_length - 1, piece_length, piece_length + 1, 3 * piece_length, 5 * piece_length + 64})
      tree.write("size-" + std::to_string(size), content(size, ++seed));
    layout = Layout(tree.layout(piece_length).files(), piece_length, packing);
    auto found = hash_tree(tree.root(), layout, {});
    REQUIRE(found.ok());
    proof = FileProof{found->files, {}};
    for (const auto& piece : found->pieces) {
      proof->after.push_back(piece.after);
      digests.push_back(piece.sha256);
    }
  }

  std::string bytes(std::uint32_t piece) const {
    std::string bytes;
    for (const FilePart& part : layout.parts(piece)) bytes += tree.read(layout.files()[part.file].path).substr(part.offset, part.length);
    return bytes;
  }
  bool takes(std::uint32_t piece, const std::string& bytes) const {
    PieceCheck check(layout, digests[piece], proof, piece);
    check.update(std::string_view(bytes).substr(0, bytes.size() / 3));
    check.update(std::string_view(bytes).substr(bytes.size() / 3));
    return check.is_right();
  }

  Tree tree;
  Layout layout{{}, 1};
  std::vector<Sha256> digests;
  std::optional<FileProof> proof;
};

TEST_CASE("pieces prove their file in any order, each alone") {
  Packing packing = Packing::aligned;
  SUBCASE("each file for itself") {}
  SUBCASE("small files share pieces") { packing = Packing::packed; }
  Proved proved(packing);
  std::vector<std::uint32_t> order(proved.layout.piece_count());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), std::minstd_rand(7));
  for (const auto piece : order) {
    CAPTURE(piece);
    std::string bytes = proved.bytes(piece);
    CHECK(proved.takes(piece, bytes));
    bytes[bytes.size() / 2] ^= 1;
    CHECK_FALSE(proved.takes(piece, bytes));
  }
}

TEST_CASE("of files that share pieces, only those that lie across two are left to be read") {
  CHECK(unproved_files(Proved().layout, Proved().proof).empty());
  CHECK(unproved_files(Proved().layout, std::nullopt).size() == 7);
  const Proved proved(Packing::packed);
  const auto unproved = unproved_files(proved.layout, proved.proof);
  REQUIRE(unproved.size() == 1);
  CHECK(proved.layout.files()[unproved[0]].size == piece_length - 1);
}

TEST_CASE("a small file with another digest is found in the piece that it shares") {
  Proved proved(Packing::packed);
  proved.proof->files[1] = crypto::sha256("audited");
  REQUIRE(proved.layout.files()[1].size == 100);
  const std::uint32_t piece = proved.layout.first_piece(1);
  CHECK_FALSE(proved.takes(piece, proved.bytes(piece)));
}

TEST_CASE("a piece in another place of its file is not right there") {
  Proved proved;
  const std::uint32_t first = proved.layout.first_piece(5);
  REQUIRE(proved.layout.pieces_of(5) == 3);
  CHECK_FALSE(proved.takes(first, proved.bytes(first + 1)));
  CHECK_FALSE(proved.takes(first + 1, proved.bytes(first)));
}

TEST_CASE("no states make other bytes pass for a file with this digest") {
  Proved proved;
  const std::uint32_t first = proved.layout.first_piece(5);
  // What a publisher would write who hashed other bytes, and names the digest of these.
  crypto::Sha256Chain other;
  for (std::uint32_t i = 0; i < 2; ++i) {
    other.update(std::string(piece_length, 'x'));
    proved.proof->after[first + i] = other.state();
  }
  for (std::uint32_t i = 0; i < 2; ++i) CHECK(proved.takes(first + i, std::string(piece_length, 'x')));
  CHECK_FALSE(proved.takes(first + 2, std::string(piece_length, 'x')));
  CHECK_FALSE(proved.takes(first + 2, proved.bytes(first + 2)));
}

TEST_CASE("without a proof the digest of the piece decides") {
  Proved proved;
  proved.proof.reset();
  CHECK(proved.takes(3, proved.bytes(3)));
  CHECK_FALSE(proved.takes(3, proved.bytes(3) + "x"));
}

TEST_CASE("a file that fits into one piece cannot have another digest than the piece") {
  Proved proved;
  auto files = proved.proof->files;
  CHECK_FALSE(contradiction(proved.layout, files, proved.digests));
  files[1] = crypto::sha256("audited");
  CHECK(contradiction(proved.layout, files, proved.digests) == 1u);
}

}  // namespace
}  // namespace shoal::store
