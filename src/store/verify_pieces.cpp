#include <algorithm>
#include <numeric>

#include "crypto/digest.hpp"
#include "store/hash_pipeline.hpp"
#include "store/hash_tree.hpp"

namespace shoal::store {
namespace {

constexpr std::size_t read_size = 1 * MiB;

/// A file by its own digest.
struct FileCheck {
  const Sha256& expected;
  crypto::Sha256Hasher hasher = {};
  void update(std::string_view bytes) { hasher.update(bytes); }
  bool is_right() { return hasher.finish() == expected; }
};

/// Workers take one piece after the other, so that they read a file in order, together.
class PieceVerification {
 public:
  PieceVerification(const fs::path& root, const Layout& layout, const std::vector<Sha256>& expected, const std::vector<Sha256>& files,
                    const std::optional<FileProof>& proof, const HashOptions& options)
      : root_(root),
        layout_(layout),
        expected_(expected),
        files_(files),
        proof_(proof),
        options_(options),
        progress_(options.progress),
        at_sight_(layout.files().size()) {
    for (std::uint32_t file = 0; file < layout.files().size(); ++file)
      if (layout.is_packed(file) && layout.files()[file].size > 0) packed_.push_back(file);
  }

  Result<std::vector<FileProblem>> run() {
    for (std::uint32_t i = 0; i < at_sight_.size(); ++i) at_sight_[i] = problem_at_sight(path_of(i), layout_.files()[i].size);
    run_on_threads(thread_count(options_), [this] { work(); });
    if (options_.stop.stop_requested()) return fail(ErrorCode::interrupted, "interrupted while verifying " + shown(root_));
    progress_.finish();
    return problems();
  }

 private:
  /// A thread's own file and memory.
  struct Reader {
    std::uint32_t number = 0;
    std::optional<SourceFile> file;
    std::vector<char> buffer = std::vector<char>(read_size);
  };

  void work() {
    Reader reader;
    for (std::uint32_t piece = next_++; piece < layout_.piece_count() && !options_.stop.stop_requested(); piece = next_++)
      if (const FilePart part = layout_.parts(piece).front(); !layout_.is_packed(part.file))
        compare(reader, part, PieceCheck(layout_, expected_[piece], proof_, piece), {piece});
    for (std::uint32_t i = next_packed_++; i < packed_.size() && !options_.stop.stop_requested(); i = next_packed_++) {
      const std::uint32_t file = packed_[i];
      std::vector<std::uint32_t> pieces(layout_.pieces_of(file));
      std::iota(pieces.begin(), pieces.end(), layout_.first_piece(file));
      compare(reader, {file, 0, static_cast<std::uint32_t>(layout_.files()[file].size), 0}, FileCheck{files_[file]}, pieces);
    }
  }

  /// `pieces` are those that are wrong where the bytes are.
  template <class Check>
  void compare(Reader& reader, const FilePart& bytes, Check check, const std::vector<std::uint32_t>& pieces) {
    if (!at_sight_[bytes.file].empty()) return;
    const Status read = feed(reader, bytes, check);
    if (options_.stop.stop_requested() || (read.ok() && check.is_right())) return;
    auto found = found_.lock();
    FileProblem& problem = (*found)[bytes.file];
    problem.pieces.insert(problem.pieces.end(), pieces.begin(), pieces.end());
    if (!read.ok()) problem.problem = "cannot be read: " + read.error().message;
  }

  template <class Check>
  Status feed(Reader& reader, const FilePart& part, Check& check) {
    if (!reader.file || reader.number != part.file) {
      reader.file.reset();
      SHOAL_TRY(reader.file, SourceFile::open(path_of(part.file)));
      reader.number = part.file;
    }
    for (std::size_t done = 0; done < part.length && !options_.stop.stop_requested();) {
      const std::span<char> into(reader.buffer.data(), std::min<std::size_t>(read_size, part.length - done));
      SHOAL_TRY(std::size_t got, reader.file->read(part.offset + done, into));
      if (got == 0) return fail("it ends at " + std::to_string(part.offset + done) + " bytes");
      check.update({into.data(), got});
      done += got;
      progress_.advance(got);
    }
    return {};
  }

  std::vector<FileProblem> problems() {
    std::vector<FileProblem> result;
    auto found = found_.lock();
    for (std::uint32_t i = 0; i < at_sight_.size(); ++i) {
      if (!at_sight_[i].empty()) result.push_back({layout_.files()[i].path, at_sight_[i]});
      auto it = found->find(i);
      if (it == found->end()) continue;
      FileProblem& problem = it->second;
      problem.path = layout_.files()[i].path;
      if (problem.problem.empty()) problem.problem = "content differs";
      std::sort(problem.pieces.begin(), problem.pieces.end());
      result.push_back(std::move(problem));
    }
    return result;
  }

  fs::path path_of(std::uint32_t file) const { return root_ / layout_.files()[file].path; }

  const fs::path& root_;
  const Layout& layout_;
  const std::vector<Sha256>& expected_;
  const std::vector<Sha256>& files_;
  const std::optional<FileProof>& proof_;
  const HashOptions& options_;
  ProgressMeter progress_;
  std::vector<std::string> at_sight_;  // by file: why it need not be read
  std::vector<std::uint32_t> packed_;  // files
  std::atomic<std::uint32_t> next_{0}, next_packed_{0};
  Guarded<std::map<std::uint32_t, FileProblem>> found_;
};

}  // namespace

Result<std::vector<FileProblem>> verify_pieces(const fs::path& root, const Layout& layout, const std::vector<Sha256>& expected,
                                               const std::vector<Sha256>& files, const std::optional<FileProof>& proof,
                                               const HashOptions& options) {
  if (expected.size() != layout.piece_count())
    return fail("verifying " + std::to_string(layout.piece_count()) + " pieces against " + std::to_string(expected.size()) + " digests");
  if (files.size() != layout.files().size())
    return fail("verifying " + std::to_string(layout.files().size()) + " files against " + std::to_string(files.size()) + " digests");
  return PieceVerification(root, layout, expected, files, proof, options).run();
}

}  // namespace shoal::store
