// Messages of BitTorrent that plugins write themselves (BEP 3). Pure.
#pragma once

#include <cstdint>
#include <string>

namespace shoal::swarm {

std::string big_endian(std::uint32_t number);

/// Whole messages, with their length.
std::string have_message(std::uint32_t piece);
/// `start` and `length` in bytes of the piece.
std::string request_message(std::uint32_t piece, std::uint32_t start, std::uint32_t length);

}  // namespace shoal::swarm
