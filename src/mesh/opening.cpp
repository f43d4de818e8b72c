#include "mesh/opening.hpp"

#include <algorithm>

namespace shoal::mesh {
namespace {

constexpr std::string_view protocol =
    "\x13"
    "BitTorrent protocol";
constexpr std::size_t reserved = 8;

}  // namespace

bool may_be_opening(std::string_view so_far) {
  std::size_t known = std::min(so_far.size(), protocol.size());
  return so_far.substr(0, known) == protocol.substr(0, known);
}

std::optional<InfoHash> info_hash_of(std::string_view opening) {
  if (opening.size() != opening_size || !opening.starts_with(protocol)) return std::nullopt;
  return InfoHash::from_raw(opening.substr(protocol.size() + reserved)).value();
}

}  // namespace shoal::mesh
