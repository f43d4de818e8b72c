#include "metainfo/metainfo.hpp"

#include "crypto/digest.hpp"
#include "metainfo/metainfo_form.hpp"
#include "metainfo/metainfo_limits.hpp"
#include "metainfo/torrent.hpp"

namespace shoal::metainfo {
namespace {

Status check_counts(const store::Layout& layout, const store::TreeHashes& hashes) {
  if (layout.piece_count() == 0) return fail(ErrorCode::usage, "there is nothing to distribute: every file is empty");
  if (hashes.files.size() != layout.files().size() || hashes.pieces.size() != layout.piece_count())
    return fail("the hashes belong to another directory: " + std::to_string(hashes.files.size()) + " files and " +
                std::to_string(hashes.pieces.size()) + " pieces for a layout of " + std::to_string(layout.files().size()) + " and " +
                std::to_string(layout.piece_count()));
  if (layout.piece_count() > static_cast<std::uint32_t>(metainfo_max_pieces))
    return fail(ErrorCode::usage, std::to_string(layout.piece_count()) + " pieces are more than the " +
                                      std::to_string(metainfo_max_pieces) + " that a release may have: use larger pieces");
  return {};
}

PieceWords words_of(const store::Layout& layout, const std::vector<store::PieceHashes>& pieces) {
  PieceWords words;
  for (const auto& piece : pieces) {
    words.sha1 += piece.sha1.view();
    words.sha256 += piece.sha256.view();
  }
  for (std::uint32_t piece = 0; piece < layout.piece_count(); ++piece)
    if (store::has_state(layout, piece)) words.states += pieces[piece].after.view();
  return words;
}

}  // namespace

Result<Metainfo> make_metainfo(const store::Layout& layout, const store::TreeHashes& hashes) {
  SHOAL_CHECK(check_counts(layout, hashes));
  const std::string name = name_of(layout, hashes.files);
  PieceWords words = words_of(layout, hashes.pieces);
  Metainfo metainfo;
  metainfo.bytes = encode_metainfo(layout, name, words);
  if (metainfo.bytes.size() > metainfo_limit && !words.states.empty()) {
    words.states.clear();
    metainfo.bytes = encode_metainfo(layout, name, words);
  }
  if (metainfo.bytes.size() > metainfo_limit)
    return fail(ErrorCode::usage, "the metainfo would take " + format_bytes(metainfo.bytes.size()) + ", more than the " +
                                      format_bytes(metainfo_limit) + " allowed: publish fewer files or use larger pieces");
  SHOAL_TRY(metainfo.info_hash, engine_info_hash(metainfo.bytes));
  return metainfo;
}

}  // namespace shoal::metainfo
