#include "store/explorer.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace shoal::store {
namespace {

constexpr std::uint32_t scratch_size = 256 * KiB;
constexpr ByteCount clone_unit = 4 * KiB;  // the block size of the file systems that clone

/// Reads the parts in steps and hands the bytes to `use`, in order, until it fails.
template <class Use>
Status in_steps(ContentFiles& files, const std::vector<FilePart>& parts, Use use) {
  std::uint32_t longest = 0;
  for (const FilePart& part : parts) longest = std::max(longest, part.length);
  std::vector<char> scratch(std::min(scratch_size, longest));
  for (const FilePart& part : parts) {
    for (std::uint32_t done = 0; done < part.length;) {
      const std::uint32_t step = std::min(scratch_size, part.length - done);
      const iovec buffer{scratch.data(), step};
      SHOAL_CHECK(files.read({{part.file, part.offset + done, step, part.at + done}}, {&buffer, 1}));
      SHOAL_CHECK(use(std::string_view(scratch.data(), step)));
      done += step;
    }
  }
  return {};
}

/// Writes a piece from its beginning, as its bytes come, and checks them.
class PieceWriter {
 public:
  PieceWriter(StoredContent& content, std::uint32_t piece)
      : files_(*content.files), layout_(content.spec.layout), piece_(piece), check_(content.check(piece)) {}
  Status add(std::string_view bytes) {
    check_.update(bytes);
    const iovec buffer{const_cast<char*>(bytes.data()), bytes.size()};
    const auto length = static_cast<std::uint32_t>(bytes.size());
    return files_.write(layout_.parts(piece_, std::exchange(at_, at_ + length), length), {&buffer, 1});
  }
  bool is_right() { return check_.is_right(); }

 private:
  ContentFiles& files_;
  const Layout& layout_;
  const std::uint32_t piece_;
  std::uint32_t at_ = 0;
  PieceCheck check_;
};

}  // namespace

bool Explorer::may_find(const StoreState& state, const StoredContent& content, std::uint32_t piece) {
  return state.of(content).unexplored[piece] || may_be_in_older(content, piece);
}

void Explorer::explore(const ContentPtr& content, std::uint32_t piece, const VerdictCallback& callback) {
  const auto [known, maybe_stored] = contents_.with([&](StoreState& state) {
    const ContentState& mine = state.of(*content);
    return std::pair(bool{mine.have[piece]}, mine.unexplored[piece] && !mine.stopping);  // known: somebody asked twice
  });
  const bool stored = !known && maybe_stored && is_stored(*content, piece);
  const bool copied = !known && !stored && fetch_from_older(*content, piece);
  if (stored || copied) note_found(*content, piece, copied);
  contents_.with([&](StoreState& state) { state.of(*content).unexplored[piece] = false; });
  callback(known || stored || copied ? Verdict::verified : Verdict::corrupt);
  contents_.end_job(*content);
}

bool Explorer::is_stored(StoredContent& content, std::uint32_t piece) {
  const auto parts = content.parts(piece);
  for (const FilePart& part : parts) {
    auto file = content.files->get(part.file);
    if (!file.ok() || file.value()->is_hole(part.offset, part.length)) return false;
  }
  const auto right = is_right_on_disk(content, piece);
  if (!right.ok() || !right.value()) return false;
  // Whoever wrote it may not have synced it.
  for (const FilePart& part : parts) {
    auto file = content.files->get(part.file);
    if (!file.ok()) return false;
    content.files->set_dirty(part.file, file.value());
  }
  return true;
}

Result<bool> Explorer::is_right_on_disk(StoredContent& content, std::uint32_t piece) {
  PieceCheck check = content.check(piece);
  SHOAL_CHECK(in_steps(*content.files, content.parts(piece), [&](std::string_view bytes) {
    check.update(bytes);
    return Status();
  }));
  return check.is_right();
}

Result<Sha256> stored_digest(StoredContent& content, std::uint32_t piece) {
  crypto::Sha256Hasher hasher;
  SHOAL_CHECK(in_steps(*content.files, content.parts(piece), [&](std::string_view bytes) {
    hasher.update(bytes);
    return Status();
  }));
  return hasher.finish();
}

bool Explorer::may_be_in_older(const StoredContent& content, std::uint32_t piece) {
  if (content.older_pieces.contains(content.spec.pieces[piece])) return true;
  if (content.older_files.empty()) return false;
  const auto parts = content.parts(piece);
  return std::all_of(parts.begin(), parts.end(),
                     [&](const FilePart& part) { return content.older_files.contains(content.spec.files[part.file]); });
}

/// A failure here costs a download, nothing else.
bool Explorer::fetch_from_older(StoredContent& content, std::uint32_t piece) {
  if (!may_be_in_older(content, piece) || contents_.is_stopping(content)) return false;
  auto it = content.older_pieces.find(content.spec.pieces[piece]);
  Result<bool> copied =
      it == content.older_pieces.end() ? Result<bool>(false) : copy_checked(content, piece, *it->second.first, it->second.second);
  if (!copied.ok() || !copied.value()) copied = put_together(content, piece);
  if (!copied.ok()) log::debug("piece_not_reused", {{"piece", piece}, {"reason", copied.error().message}});
  return copied.ok() && copied.value();
}

/// One pass: cloned and then read, or read and written; what counts is the digest of what is in the new file's place.
Result<bool> Explorer::copy_checked(StoredContent& content, std::uint32_t piece, OlderFiles& older, std::uint32_t old_piece) {
  const auto to = content.parts(piece);
  const auto from = older.content.layout.parts(old_piece);
  if (older.content.layout.bytes_in(old_piece) != content.bytes_in(piece)) return false;
  if (to.size() == 1 && from.size() == 1 && to[0].length % clone_unit == 0) {
    auto cloned = clone_checked(content, piece, to[0], older, from[0]);
    if (!cloned.ok() || cloned.value()) return cloned;
  }
  PieceWriter writer(content, piece);
  SHOAL_CHECK(in_steps(*older.files, from, [&](std::string_view bytes) { return writer.add(bytes); }));
  return writer.is_right();
}

/// False where the file system does not clone.
Result<bool> Explorer::clone_checked(StoredContent& content, std::uint32_t piece, const FilePart& to, OlderFiles& older,
                                     const FilePart& from) {
  SHOAL_TRY(auto source, older.files->get(from.file));
  SHOAL_TRY(auto target, content.files->get(to.file));
  if (target->clone(*source, from.offset, to.offset, to.length) != 0) return false;
  content.files->set_dirty(to.file, target);
  SHOAL_TRY(const bool right, is_right_on_disk(content, piece));
  if (!right) return fail("the older content has decayed");
  return true;
}

/// Of a piece that several files share, the neighbours differ from version to version while most of the files do not.
Result<bool> Explorer::put_together(StoredContent& content, std::uint32_t piece) {
  const auto parts = content.parts(piece);
  const auto source_of = [&](const FilePart& part) {
    return content.spec.files.empty() ? content.older_files.end() : content.older_files.find(content.spec.files[part.file]);
  };
  for (const FilePart& part : parts)
    if (source_of(part) == content.older_files.end()) return false;
  PieceWriter writer(content, piece);
  for (const FilePart& part : parts) {
    const auto& [older, file] = source_of(part)->second;
    const FilePart from{file, part.offset, part.length, part.at};
    SHOAL_CHECK(in_steps(*older->files, {from}, [&](std::string_view bytes) { return writer.add(bytes); }));
  }
  return writer.is_right();
}

void Explorer::note_found(StoredContent& content, std::uint32_t piece, bool from_older) {
  ++tally_.verified;
  contents_.with([&](StoreState& state) {
    ContentState& mine = state.of(content);
    mine.written.insert(piece);
    state.note_unsynced(*content.lane);
    if (mine.have[piece]) return;
    mine.have[piece] = true;
    mine.was_whole |= ++mine.facts.have == mine.have.size();
    if (from_older) mine.facts.reused += content.bytes_in(piece);
  });
}

}  // namespace shoal::store
