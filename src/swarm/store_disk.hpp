// The store as libtorrent's disk back-end, for v1 torrents.
#pragma once

#include <libtorrent/disk_interface.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/session_types.hpp>

#include "swarm/disk_contents.hpp"

namespace shoal::swarm {

/// libtorrent hears a piece's own SHA-1 when the SHA-256 is right, and zeroes when it is not. Completion of a write means that the block
/// is in memory; of a hash, that the piece is on disk; of a release of files, that it is durable.
/// `store` and `contents` must outlive the session.
lt::disk_io_constructor_type store_disk(store::PieceStore& store, DiskContents& contents);

}  // namespace shoal::swarm
