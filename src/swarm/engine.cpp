#include "swarm/engine.hpp"

#include <libtorrent/load_torrent.hpp>

#include "swarm/metainfo_limits.hpp"

namespace shoal::swarm {

lt::load_torrent_limits load_limits() {
  lt::load_torrent_limits limits;
  limits.max_buffer_size = static_cast<int>(metainfo_limit);
  limits.max_pieces = metainfo_max_pieces;
  limits.max_decode_depth = metainfo_max_depth;
  limits.max_decode_tokens = metainfo_max_tokens;
  return limits;
}

Result<lt::add_torrent_params> load_torrent(std::string_view bytes) try {
  return lt::load_torrent_buffer({bytes.data(), static_cast<std::ptrdiff_t>(bytes.size())}, load_limits());
} catch (const std::exception& e) {
  return fail(ErrorCode::verification, std::string("libtorrent cannot load the metainfo: ") + e.what());
}

}  // namespace shoal::swarm
