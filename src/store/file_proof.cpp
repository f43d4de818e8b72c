#include "store/file_proof.hpp"

#include <algorithm>

namespace shoal::store {
namespace {

bool is_whole(const Layout& layout, const FilePart& part) { return part.offset == 0 && part.length == layout.files()[part.file].size; }

bool ends_file(const Layout& layout, const FilePart& part) { return part.offset + part.length == layout.files()[part.file].size; }

}  // namespace

bool has_state(const Layout& layout, std::uint32_t piece) {
  const FilePart part = layout.parts(piece).front();
  return !layout.is_packed(part.file) && !ends_file(layout, part);
}

PieceCheck::PieceCheck(const Layout& layout, const Sha256& digest, const std::optional<FileProof>& proof, std::uint32_t piece)
    : layout_(layout), digest_(digest), proof_(proof), piece_(piece), parts_(layout.parts(piece)) {
  if (!std::all_of(parts_.begin(), parts_.end(), [&](const FilePart& part) { return is_proved(part); })) whole_.emplace();
  begin_part();
}

bool PieceCheck::is_proved(const FilePart& part) const { return proof_ && (is_whole(layout_, part) || !layout_.is_packed(part.file)); }

void PieceCheck::begin_part() {
  done_ = 0;
  chain_.reset();
  if (part_ == parts_.size() || !is_proved(parts_[part_])) return;
  const ByteCount offset = parts_[part_].offset;
  if (offset == 0) chain_.emplace();
  else chain_.emplace(proof_->after[piece_ - 1], offset);
}

void PieceCheck::end_part() {
  const FilePart& part = parts_[part_];
  if (chain_) right_ &= ends_file(layout_, part) ? chain_->finish() == proof_->files[part.file] : chain_->state() == proof_->after[piece_];
  ++part_;
  begin_part();
}

void PieceCheck::update(std::string_view bytes) {
  if (whole_) whole_->update(bytes);
  while (!bytes.empty() && part_ < parts_.size()) {
    const std::string_view some = bytes.substr(0, parts_[part_].length - done_);
    bytes.remove_prefix(some.size());
    if (chain_) chain_->update(some);
    done_ += static_cast<std::uint32_t>(some.size());
    if (done_ == parts_[part_].length) end_part();
  }
  right_ &= bytes.empty();
}

bool PieceCheck::is_right() { return right_ && part_ == parts_.size() && (!whole_ || whole_->finish() == digest_); }

std::vector<std::uint32_t> unproved_files(const Layout& layout, const std::optional<FileProof>& proof) {
  std::vector<std::uint32_t> unproved;
  for (std::uint32_t file = 0; file < layout.files().size(); ++file)
    if (!proof || (layout.is_packed(file) && layout.pieces_of(file) > 1)) unproved.push_back(file);
  return unproved;
}

std::optional<std::uint32_t> contradiction(const Layout& layout, const std::vector<Sha256>& files, const std::vector<Sha256>& pieces) {
  const Sha256 empty = crypto::sha256("");
  for (std::uint32_t file = 0; file < files.size(); ++file) {
    if (layout.files()[file].size == 0 && files[file] != empty) return file;
    if (layout.pieces_of(file) != 1) continue;
    const std::uint32_t piece = layout.first_piece(file);
    if (layout.parts(piece).size() == 1 && pieces[piece] != files[file]) return file;
  }
  return std::nullopt;
}

}  // namespace shoal::store
