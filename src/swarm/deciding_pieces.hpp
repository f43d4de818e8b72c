// Which pieces show what the files are. They are fetched first, so that content that is refused costs little. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "store/layout.hpp"

namespace shoal::swarm {

/// The pieces with the head of each file and with its last 64 KiB, where archives keep their directories; ascending. Where these are more
/// than a quarter of the content, the heads alone; none where the heads are, too: an order in which everything comes first is no order.
std::vector<std::uint32_t> deciding_pieces(const store::Layout& layout);

/// How much may be fetched beside them before the formats are judged: as much as they are, but at least 256 KiB and at most 32 MiB. A
/// source has something to send while its nodes pass the deciding pieces on to each other.
ByteCount allowance_beside(const store::Layout& layout, const std::vector<std::uint32_t>& deciding);

}  // namespace shoal::swarm
