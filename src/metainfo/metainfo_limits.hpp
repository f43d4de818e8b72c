// How large a metainfo may be. A release names the exact size and digest of its metainfo, so these only bound what a publisher can do.
#pragma once

#include "manifest/release.hpp"

namespace shoal::metainfo {

/// What a tracker stores; at 52 bytes a piece, or 84 with the proof of the files, hundreds of thousands of pieces.
inline constexpr ByteCount metainfo_limit = manifest::stored_metainfo_limit;
/// libtorrent numbers pieces with 31 bits, and 2 097 152 is its own default.
inline constexpr int metainfo_max_pieces = 2'097'152;
/// torrent > info > files > file > path: five levels.
inline constexpr int metainfo_max_depth = 8;
/// About ten tokens a file; 20 million tokens take 160 MB while parsing, for a metainfo of the largest size only.
inline constexpr int metainfo_max_tokens = 20'000'000;

}  // namespace shoal::metainfo
