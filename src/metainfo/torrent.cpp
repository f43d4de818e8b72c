#include "metainfo/torrent.hpp"

#include <libtorrent/load_torrent.hpp>
#include <libtorrent/torrent_info.hpp>

#include "metainfo/metainfo_limits.hpp"

namespace shoal::metainfo {
namespace {

namespace lt = libtorrent;

/// libtorrent's own defaults (10 MB, 3 million tokens) are too small for a release of many files.
lt::load_torrent_limits load_limits() {
  lt::load_torrent_limits limits;
  limits.max_buffer_size = static_cast<int>(metainfo_limit);
  limits.max_pieces = metainfo_max_pieces;
  limits.max_decode_depth = metainfo_max_depth;
  limits.max_decode_tokens = metainfo_max_tokens;
  return limits;
}

}  // namespace

Result<lt::add_torrent_params> load_torrent(std::string_view bytes) try {
  return lt::load_torrent_buffer({bytes.data(), static_cast<std::ptrdiff_t>(bytes.size())}, load_limits());
} catch (const std::exception& e) {
  return fail(ErrorCode::verification, std::string("libtorrent cannot load the metainfo: ") + e.what());
}

Result<InfoHash> engine_info_hash(std::string_view bytes) {
  SHOAL_TRY(auto loaded, load_torrent(bytes));
  const auto hash = loaded.ti->info_hashes().v1;
  return InfoHash::from_raw({hash.data(), static_cast<std::size_t>(hash.size())});
}

}  // namespace shoal::metainfo
