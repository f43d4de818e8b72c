#include "fanout/block_ledger.hpp"

#include <algorithm>
#include <utility>

namespace shoal::fanout {

void BlockLedger::add(std::uint32_t piece, std::uint32_t block, std::shared_ptr<const NodeId> sender) {
  std::vector<Sent>& blocks = pieces_[piece];
  if (block >= blocks.size()) blocks.resize(block + 1);
  const bool was_here = std::exchange(blocks[block].here, true);
  blocks[block].sender = was_here ? nullptr : std::move(sender);
}

BlockSenders BlockLedger::take(std::uint32_t piece, std::size_t blocks) {
  auto node = pieces_.extract(piece);
  if (node.empty()) return {};
  BlockSenders senders(blocks);
  for (std::size_t block = 0; block < std::min(blocks, node.mapped().size()); ++block)
    senders[block] = std::move(node.mapped()[block].sender);
  return senders;
}

}  // namespace shoal::fanout
