// Pieces that are there already: in the file from an earlier run, or in an older content.
#include <algorithm>

#include "base/log.hpp"
#include "store/piece_store_impl.hpp"

namespace shoal::store {
namespace {

constexpr std::size_t scratch_size = 256 * KiB;
constexpr ByteCount clone_unit = 4 * KiB;  // the block size of the file systems that clone

/// Reads [offset, offset + length) in steps and hands each to `use(offset in the range, bytes)`, which returns an errno.
template <class Use>
int in_steps(File& file, ByteCount offset, std::size_t length, Use use) {
  std::vector<char> scratch(std::min(scratch_size, length));
  for (std::size_t done = 0; done < length; done += scratch.size()) {
    const std::size_t step = std::min(scratch.size(), length - done);
    if (int error = read_exactly(file, offset + done, scratch.data(), step); error != 0) return error;
    if (int error = use(done, std::string_view(scratch.data(), step)); error != 0) return error;
  }
  return 0;
}

}  // namespace

void PieceStore::Impl::explore(const ContentPtr& content, std::uint32_t piece, const VerdictCallback& callback) {
  const bool known = state_.with([&](State&) { return content->have[piece]; });  // somebody asked twice
  const bool maybe_stored = state_.with([&](State&) { return content->unexplored[piece] && !content->stopping; });
  const bool stored = !known && maybe_stored && is_stored(*content, piece);
  const bool copied = !known && !stored && fetch_from_older(*content, piece);
  if (stored || copied) found(*content, piece, copied);
  state_.with([&](State&) { content->unexplored[piece] = false; });
  callback(known || stored || copied ? Verdict::verified : Verdict::corrupt);
  end_job(*content);
}

bool PieceStore::Impl::is_stored(StoredContent& content, std::uint32_t piece) {
  const PieceExtent extent = content.extent(piece);
  auto file = content.files->get(extent.file);
  if (!file.ok() || file.value()->is_hole(extent.offset, extent.length)) return false;
  auto digest = stored_digest(*content.files, extent);
  if (!digest.ok() || digest.value() != content.news.pieces[piece]) return false;
  // Whoever wrote it may not have synced it.
  content.files->set_dirty(extent.file, file.value());
  return true;
}

Result<Sha256> PieceStore::Impl::stored_digest(ContentFiles& files, const PieceExtent& extent) {
  SHOAL_TRY(auto file, files.get(extent.file));
  crypto::Sha256Hasher hasher;
  const int error = in_steps(*file, extent.offset, extent.length, [&](std::size_t, std::string_view bytes) {
    hasher.update(bytes);
    return 0;
  });
  if (error != 0) return fail_errno("cannot read a piece", error);
  return hasher.finish();
}

/// A failure here costs a download, nothing else.
bool PieceStore::Impl::fetch_from_older(StoredContent& content, std::uint32_t piece) {
  auto it = content.older_pieces.find(content.news.pieces[piece]);
  if (it == content.older_pieces.end() || state_.with([&](State&) { return content.stopping; })) return false;
  auto copied = copy_checked(content, piece, *it->second.first, it->second.second);
  if (!copied.ok()) log::debug("piece_not_reused", {{"piece", piece}, {"why", copied.error().message}});
  return copied.ok() && copied.value();
}

/// One pass: cloned and then read, or read and written; what counts is the digest of what is in the new file's place.
Result<bool> PieceStore::Impl::copy_checked(StoredContent& content, std::uint32_t piece, OlderFiles& older, std::uint32_t old_piece) {
  const PieceExtent to = content.extent(piece);
  const PieceExtent from = older.content.layout.extent(old_piece);
  if (from.length != to.length) return false;
  SHOAL_TRY(auto source, older.files->get(from.file));
  SHOAL_TRY(auto target, content.files->get(to.file));
  content.files->set_dirty(to.file, target);
  if (to.length % clone_unit == 0 && target->clone(*source, from.offset, to.offset, to.length) == 0) {
    SHOAL_TRY(Sha256 digest, stored_digest(*content.files, to));
    return digest == content.news.pieces[piece];
  }
  crypto::Sha256Hasher hasher;
  const int error = in_steps(*source, from.offset, from.length, [&](std::size_t at, std::string_view bytes) {
    hasher.update(bytes);
    return write_exactly(*target, to.offset + at, bytes.data(), bytes.size());
  });
  if (error != 0) return fail_errno("cannot copy a piece to " + content.name(to.file), error);
  return hasher.finish() == content.news.pieces[piece];
}

void PieceStore::Impl::found(StoredContent& content, std::uint32_t piece, bool from_older) {
  ++tally_.verified;
  state_.with([&](State&) {
    content.written.insert(piece);
    note_unsynced(*content.lane);
    if (content.have[piece]) return;
    content.have[piece] = true;
    content.was_whole |= ++content.facts.have == content.have.size();
    if (from_older) content.facts.reused += content.extent(piece).length;
  });
}

}  // namespace shoal::store
