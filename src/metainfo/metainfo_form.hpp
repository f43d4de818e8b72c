// The one form of a metainfo: what make_metainfo writes and CheckedMetainfo::check accepts. libtorrent is not visible here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/layout.hpp"

namespace shoal::metainfo {

/// An entry of the torrent's file list.
struct FileSlot {
  std::optional<std::uint32_t> file;  // index in the layout; none for padding (BEP 47)
  ByteCount length = 0;
};

/// Files in the order in which they lie, with padding behind each that ends before the next one with content begins. The torrent's last
/// piece is not padded.
std::vector<FileSlot> slots_of(const store::Layout& layout);

/// The components of a path: "a/b" is {"a", "b"}.
std::vector<std::string> components(const std::string& path);
/// Where padding of this length claims to live: ".pad/<length>", as other makers of torrents name it.
std::vector<std::string> padding_path(ByteCount length);

/// 32 hex digits of a SHA-256 over path, size and SHA-256 of each file: equal content has an equal name, of fixed length.
std::string name_of(const store::Layout& layout, const std::vector<Sha256>& files);

/// What stands in a .torrent for each piece, one after the other.
struct PieceWords {
  std::string sha1;
  std::string sha256;
  std::string states;  // of each piece but the last of its file, see store::FileProof; empty: none
};
/// How many bytes of states a layout has.
ByteCount states_size(const store::Layout& layout);

/// The .torrent.
std::string encode_metainfo(const store::Layout& layout, const std::string& name, const PieceWords& pieces);

}  // namespace shoal::metainfo
