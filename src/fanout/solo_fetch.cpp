#include "fanout/solo_fetch.hpp"

#include <algorithm>

namespace shoal::fanout {
namespace {

constexpr std::uint32_t block_size = 16 * 1024;
constexpr std::size_t most_under_way = 16;

}  // namespace

SoloFetch::SoloFetch(std::uint32_t piece, std::uint32_t size, std::uint32_t bytes, SteadyTime now)
    : piece_(piece),
      size_(size),
      bytes_(std::min(bytes, size)),
      data_(size, '\0'),
      blocks_((bytes_ + block_size - 1) / block_size),
      missing_(blocks_.size()),
      last_(now) {}

std::uint32_t SoloFetch::length(std::size_t block) const {
  return std::min(block_size, size_ - static_cast<std::uint32_t>(block) * block_size);
}

std::vector<SoloFetch::Request> SoloFetch::next() {
  std::vector<Request> requests;
  for (std::size_t block = 0; block < blocks_.size() && under_way_ < most_under_way; ++block) {
    if (blocks_[block] != Block::open) continue;
    blocks_[block] = Block::asked;
    ++under_way_;
    requests.push_back({static_cast<std::uint32_t>(block) * block_size, length(block)});
  }
  return requests;
}

bool SoloFetch::take(std::uint32_t start, std::string_view bytes, SteadyTime now) {
  const std::size_t block = start / block_size;
  if (start % block_size != 0 || block >= blocks_.size() || bytes.size() != length(block)) return false;
  // The engine may have asked the same machine for a block before we did: it is as good.
  if (blocks_[block] == Block::here) return false;
  if (blocks_[block] == Block::asked) --under_way_;
  blocks_[block] = Block::here;
  --missing_;
  last_ = now;
  std::copy(bytes.begin(), bytes.end(), data_.begin() + static_cast<std::ptrdiff_t>(start));
  return true;
}

}  // namespace shoal::fanout
