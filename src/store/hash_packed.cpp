#include "store/hash_packed.hpp"

#include <algorithm>

#include "store/piece_digests.hpp"
#include "store/read_rate.hpp"

namespace shoal::store {
namespace {

class PackedHashing {
 public:
  PackedHashing(const fs::path& root, const Layout& layout, const HashOptions& options, const std::vector<FileStamp>& stamps,
                ProgressMeter& progress, TreeHashes& hashes)
      : root_(root), layout_(layout), options_(options), stamps_(stamps), progress_(progress), hashes_(hashes) {
    for (std::uint32_t file = 0; file < layout.files().size(); ++file)
      if (layout.is_packed(file)) pieces_ = std::max(pieces_, layout.first_piece(file) + layout.pieces_of(file));
  }

  Status run() {
    if (pieces_ == 0) return {};
    run_on_threads(thread_count(options_), [this] { work(); });
    if (options_.stop.stop_requested()) return fail(ErrorCode::interrupted, "interrupted while hashing " + shown(root_));
    return failure_.with([](const Status& failure) { return failure; });
  }

 private:
  /// Packed files come first, so their pieces do.
  void work() {
    std::vector<char> buffer(layout_.piece_length());
    for (std::uint32_t piece = next_++; piece < pieces_ && !options_.stop.stop_requested(); piece = next_++) {
      Status hashed = hash(piece, buffer);
      if (hashed.ok()) continue;
      failure_.with([&](Status& failure) {
        if (failure.ok()) failure = std::move(hashed);
      });
      next_ = pieces_;
    }
  }

  Status hash(std::uint32_t piece, std::vector<char>& buffer) {
    try {
      PieceDigests digests(layout_, piece, hashes_.pieces);
      for (const FilePart& part : layout_.parts(piece)) SHOAL_CHECK(hash(part, buffer, digests));
      digests.finish();
      return {};
    } catch (const std::exception& error) {
      return fail("hashing " + shown(root_) + ": " + error.what());
    }
  }

  /// The file's own digest is the business of the piece in which it begins.
  Status hash(const FilePart& part, std::vector<char>& buffer, PieceDigests& digests) {
    const fs::path path = root_ / layout_.files()[part.file].path;
    const ByteCount size = layout_.files()[part.file].size;
    const std::size_t length = part.offset == 0 ? size : part.length;
    SHOAL_TRY(SourceFile source, open_unchanged(path, stamps_[part.file]));
    if (options_.rate != nullptr) options_.rate->wait(length, options_.stop);
    SHOAL_TRY(std::size_t got, source.read(part.offset, {buffer.data(), length}));
    if (options_.rate != nullptr) options_.rate->count(got);
    if (got != length) return changed_error(path);
    digests.update({buffer.data(), part.length});
    if (part.offset == 0) hashes_.files[part.file] = crypto::sha256({buffer.data(), length});
    progress_.advance(part.length);
    return {};
  }

  const fs::path& root_;
  const Layout& layout_;
  const HashOptions& options_;
  const std::vector<FileStamp>& stamps_;
  ProgressMeter& progress_;
  TreeHashes& hashes_;  // every element is written by one worker
  std::uint32_t pieces_ = 0;
  std::atomic<std::uint32_t> next_{0};
  Guarded<Status> failure_;
};

}  // namespace

Status hash_packed(const fs::path& root, const Layout& layout, const HashOptions& options, const std::vector<FileStamp>& stamps,
                   ProgressMeter& progress, TreeHashes& hashes) {
  return PackedHashing(root, layout, options, stamps, progress, hashes).run();
}

}  // namespace shoal::store
