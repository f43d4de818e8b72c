#include <algorithm>
#include <numeric>

#include "crypto/digest.hpp"
#include "store/hash_pipeline.hpp"
#include "store/hash_tree.hpp"
#include "store/read_rate.hpp"

namespace shoal::store {
namespace {

constexpr std::size_t read_size = 1 * MiB;

/// Compares one file after the other, the largest first, so that no core is left with a large one at the end.
class Verification {
 public:
  Verification(const fs::path& root, const Layout& layout, const std::vector<Sha256>& expected, const HashOptions& options)
      : root_(root), layout_(layout), expected_(expected), options_(options), progress_(options.progress), order_(layout.files().size()) {
    std::iota(order_.begin(), order_.end(), std::uint32_t{0});
    std::stable_sort(order_.begin(), order_.end(), [&](auto a, auto b) { return layout.files()[a].size > layout.files()[b].size; });
  }

  Result<std::vector<FileProblem>> run() {
    run_on_threads(thread_count(options_), [this] { work(); });
    if (options_.stop.stop_requested()) return fail(ErrorCode::interrupted, "interrupted while verifying " + shown(root_));
    progress_.finish();
    std::vector<FileProblem> result;
    auto found = problems_.lock();
    for (auto& [file, problem] : *found) result.push_back({layout_.files()[file].path, std::move(problem)});
    return result;
  }

 private:
  void work() {
    for (std::size_t at = next_++; at < order_.size() && !options_.stop.stop_requested(); at = next_++) {
      std::uint32_t file = order_[at];
      std::string problem = problem_of(file);
      if (!problem.empty()) problems_.with([&](auto& problems) { problems.emplace(file, std::move(problem)); });
    }
  }

  std::string problem_of(std::uint32_t file) {
    try {
      fs::path path = root_ / layout_.files()[file].path;
      ByteCount size = layout_.files()[file].size;
      if (std::string problem = problem_at_sight(path, size); !problem.empty()) return problem;
      Result<Sha256> digest = digest_of(path, size);
      if (!digest.ok()) return "cannot be read: " + digest.error().message;
      return digest.value() == expected_[file] ? "" : "content differs";
    } catch (const std::exception& error) {
      return std::string("cannot be read: ") + error.what();
    }
  }

  Result<Sha256> digest_of(const fs::path& path, ByteCount size) {
    SHOAL_TRY(SourceFile source, SourceFile::open(path));
    crypto::Sha256Hasher hasher;
    std::vector<char> buffer(std::min<ByteCount>(read_size, size));
    for (ByteCount at = 0; at < size && !options_.stop.stop_requested();) {
      if (options_.rate != nullptr) options_.rate->wait(std::min<ByteCount>(buffer.size(), size - at), options_.stop);
      SHOAL_TRY(std::size_t got, source.read(at, buffer));
      if (options_.rate != nullptr) options_.rate->count(got);
      if (got == 0) return fail("it ends at " + std::to_string(at) + " bytes");
      hasher.update({buffer.data(), got});
      at += got;
      progress_.advance(got);
    }
    return hasher.finish();
  }

  const fs::path& root_;
  const Layout& layout_;
  const std::vector<Sha256>& expected_;
  const HashOptions& options_;
  ProgressMeter progress_;
  std::vector<std::uint32_t> order_;
  std::atomic<std::size_t> next_{0};
  Guarded<std::map<std::uint32_t, std::string>> problems_;
};

}  // namespace

Result<std::vector<FileProblem>> verify_files(const fs::path& root, const Layout& layout, const std::vector<Sha256>& expected,
                                              const HashOptions& options) {
  if (expected.size() != layout.files().size())
    return fail("verifying " + std::to_string(layout.files().size()) + " files against " + std::to_string(expected.size()) + " digests");
  return Verification(root, layout, expected, options).run();
}

}  // namespace shoal::store
