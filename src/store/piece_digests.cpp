#include "store/piece_digests.hpp"

#include <algorithm>

namespace shoal::store {
namespace {

// All digests go over the bytes in steps that stay in the first cache.
constexpr std::size_t step = 32 * KiB;

void add_zeroes(crypto::Sha1Hasher& hasher, std::size_t count) {
  static const std::string zeroes(step, '\0');
  for (; count > step; count -= step) hasher.update(zeroes);
  hasher.update(std::string_view(zeroes).substr(0, count));
}

}  // namespace

void PieceDigests::update(std::string_view bytes) {
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, std::min<std::size_t>(step, layout_.piece_length() - done_));
    bytes.remove_prefix(part.size());
    sha1_.update(part);
    sha256_.update(part);
    fingerprint_.update(part);
    done_ += part.size();
    if (done_ == layout_.piece_length()) finish_piece();
  }
}

void PieceDigests::finish() {
  if (done_ > 0) finish_piece();
}

void PieceDigests::finish_piece() {
  // The SHA-1 also covers the padding, which the very last piece does not have.
  if (piece_ + 1 != layout_.piece_count()) add_zeroes(sha1_, layout_.piece_length() - done_);
  PieceHashes& hashes = hashes_[piece_++];
  hashes.sha1 = sha1_.finish();
  hashes.sha256 = sha256_.finish();
  hashes.fingerprint = fingerprint_.finish();
  fingerprint_ = FingerprintHasher();
  done_ = 0;
}

}  // namespace shoal::store
