// A metainfo as libtorrent reads it. For this room and for src/swarm, which hands it to the engine.
#pragma once

#include <libtorrent/add_torrent_params.hpp>

#include <string_view>

#include "base/ids.hpp"
#include "base/result.hpp"

namespace shoal::metainfo {

/// Parses a .torrent within the limits of metainfo_limits.hpp. `verification` where libtorrent refuses it; it never throws.
Result<libtorrent::add_torrent_params> load_torrent(std::string_view bytes);
/// The info-hash that libtorrent computes for it.
Result<InfoHash> engine_info_hash(std::string_view bytes);

}  // namespace shoal::metainfo
