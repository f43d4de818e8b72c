// The first 48 bytes of a link (BEP 3): 19, "BitTorrent protocol", 8 reserved bytes, the info-hash. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.hpp"

namespace shoal::mesh {

inline constexpr std::size_t opening_size = 48;

/// False as soon as what has come so far cannot become a BitTorrent handshake.
bool may_be_opening(std::string_view so_far);
/// The info-hash, of exactly 48 bytes; nothing where they are no BitTorrent handshake.
std::optional<InfoHash> info_hash_of(std::string_view opening);

}  // namespace shoal::mesh
