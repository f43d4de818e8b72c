#include "swarm/block_digests.hpp"

#include <algorithm>
#include <atomic>

#include "crypto/digest.hpp"

namespace shoal::swarm {
namespace {

constexpr std::uint32_t block_size = 16 * 1024;

/// Each block is written by one callback; the last one hands over.
struct Collected {
  Collected(std::size_t blocks, std::function<void(fanout::BlockDigests)> call) : digests(blocks), left(blocks), done(std::move(call)) {}
  void put(std::size_t block, const Result<store::Block>& bytes) {
    if (bytes.ok()) digests[block] = crypto::sha256({bytes->data, bytes->length});
    if (--left == 0) done(std::move(digests));
  }
  fanout::BlockDigests digests;
  std::atomic<std::size_t> left;
  std::function<void(fanout::BlockDigests)> done;
};

}  // namespace

void read_block_digests(store::PieceStore& store, store::ContentId content, std::uint32_t piece, std::uint32_t bytes,
                        std::function<void(fanout::BlockDigests)> done) {
  const std::size_t blocks = (bytes + block_size - 1) / block_size;
  if (blocks == 0) return done({});
  auto collected = std::make_shared<Collected>(blocks, std::move(done));
  for (std::size_t block = 0; block < blocks; ++block) {
    const auto start = static_cast<std::uint32_t>(block) * block_size;
    store.read(content, piece, start, std::min(block_size, bytes - start),
               [collected, block](Result<store::Block> read) { collected->put(block, read); });
  }
}

fanout::BlockDigests block_digests(std::string_view bytes) {
  fanout::BlockDigests digests;
  for (std::size_t start = 0; start < bytes.size(); start += block_size)
    digests.emplace_back(crypto::sha256(bytes.substr(start, block_size)));
  return digests;
}

}  // namespace shoal::swarm
