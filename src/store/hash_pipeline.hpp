// The machine behind hash_tree: workers that read chunks, hash their pieces and continue the hash of each file in order.
// Internal to the store.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <optional>
#include <variant>

#include "base/guarded.hpp"
#include "crypto/digest.hpp"
#include "crypto/sha256_chain.hpp"
#include "store/hash_tree.hpp"
#include "store/source_file.hpp"

namespace shoal::store {

/// Tells the caller how far hashing has come; one call at a time, and a worker never waits for another's call.
class ProgressMeter {
 public:
  explicit ProgressMeter(const std::function<void(ByteCount)>& report) : report_(report) {}
  void advance(ByteCount bytes);
  /// The last call, with everything.
  void finish();

 private:
  const std::function<void(ByteCount)>& report_;
  std::atomic<ByteCount> done_{0};
  std::mutex calling_;
};

/// Runs `work` on `threads` threads (0: one per core) and returns when all have ended. `work` must not throw.
void run_on_threads(unsigned threads, const std::function<void()>& work);
unsigned thread_count(const HashOptions& options);

/// One file after the other is cut into chunks of whole pieces. A worker that is free prefers to continue a file's own hash
/// (that frees a buffer), else reads the next chunk: of the first file as long as hashing keeps up with reading, so that a slow disk
/// sees one sequential reader; of further files when processors wait. The number of buffers bounds memory.
class HashPipeline {
 public:
  /// Hashes all files but packed ones, which are hashed already.
  HashPipeline(const fs::path& root, const Layout& layout, const HashOptions& options, const std::vector<FileStamp>& stamps,
               ProgressMeter& progress, TreeHashes& hashes);
  Status run();

 private:
  using Buffer = std::unique_ptr<char[]>;

  /// Bytes of one file in memory; they go when the pieces and the file's hash have had them.
  struct Chunk {
    std::uint32_t file = 0;
    ByteCount offset = 0;
    std::size_t length = 0;
    Buffer buffer;
    int users = 0;
  };
  using ChunkPtr = std::shared_ptr<Chunk>;

  /// A file of which some chunks are on their way.
  struct OpenFile {
    std::shared_ptr<const SourceFile> source;  // empty until the first chunk's worker has opened it
    ByteCount next_read = 0;
    ByteCount next_link = 0;              // where the file's own hash goes on; its size from the start if a piece holds it all
    bool linking = false;                 // a worker has `hasher`
    unsigned chunks = 0;                  // in memory or being read
    std::map<ByteCount, ChunkPtr> ready;  // read, waiting for the file's own hash
    std::shared_ptr<crypto::Sha256Chain> hasher;
  };

  struct ReadJob {
    ChunkPtr chunk;
    std::shared_ptr<const SourceFile> source;
  };
  struct LinkJob {
    ChunkPtr chunk;
    std::shared_ptr<crypto::Sha256Chain> hasher;
  };
  using Job = std::variant<std::monostate, ReadJob, LinkJob>;

  struct State {
    std::map<std::uint32_t, OpenFile> open;
    std::uint32_t next_file = 0;
    std::vector<Buffer> spare;
    std::size_t buffers = 0;  // handed out
    std::optional<Error> failure;
  };

  void use_known();
  void teach(std::uint32_t file) const;
  void work();
  Job next_job();
  std::optional<LinkJob> next_link(State& state);
  std::optional<ReadJob> next_read(State& state);
  OpenFile* file_to_read(State& state, std::uint32_t& number);
  ReadJob start_read(State& state, std::uint32_t number, OpenFile& file);

  Status read(ReadJob& job);
  void link(LinkJob& job);
  Status read_and_hash(const SourceFile& source, Chunk& chunk);
  Result<std::shared_ptr<const SourceFile>> open(std::uint32_t file);
  void done_with(const ChunkPtr& chunk);
  /// True when that was the last of its file.
  bool release(State& state, const ChunkPtr& chunk);
  void fail_with(Error error);
  bool fits_one_piece(std::uint32_t file) const { return layout_.pieces_of(file) == 1; }
  fs::path path_of(std::uint32_t file) const { return root_ / layout_.files()[file].path; }

  const fs::path& root_;
  const Layout& layout_;
  const HashOptions& options_;
  const std::vector<FileStamp>& stamps_;
  const std::size_t chunk_size_;
  const std::size_t most_buffers_;
  ProgressMeter& progress_;
  TreeHashes& hashes_;       // every element is written by one worker
  std::vector<bool> known_;  // files that need no reading
  Guarded<State> state_;
  std::condition_variable changed_;
};

/// "PATH changed while it was hashed".
Error changed_error(const fs::path& path);
/// The file as it was listed: an error where it is not there any more, or is another.
Result<SourceFile> open_unchanged(const fs::path& path, const FileStamp& stamp);

}  // namespace shoal::store
