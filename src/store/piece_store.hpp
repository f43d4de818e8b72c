// Pieces on disk: collected in memory, checked once against their signed SHA-256, written once, read whole, remembered in a journal.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "store/content_types.hpp"
#include "store/file_layer.hpp"

namespace shoal::store {

/// One for the process. All calls are thread-safe; only `add` and the destructor block. Callbacks run on the store's threads unless
/// noted, without a lock held, and must return soon. Every callback is called once: after `stop` with code `interrupted`.
class PieceStore {
 public:
  /// `files` must outlive the store.
  PieceStore(FileLayer& files, StoreOptions options);
  PieceStore(const PieceStore&) = delete;
  PieceStore& operator=(const PieceStore&) = delete;
  /// Drops what is unfinished, makes durable what is written.
  ~PieceStore();

  /// Opens the root, makes files and reserves their space (code `no_space` where there is none), reads the journal. Hashes nothing.
  Result<Added> add(NewContent content);

  // Download. Bytes come in blocks of 16 KiB at multiples of 16 KiB; padding behind a file's end is ignored.
  using Taken = store::Taken;
  Taken write(ContentId id, std::uint32_t piece, std::uint32_t offset, std::string_view bytes);
  /// All blocks were written: the piece is hashed, and once it is on disk (not durable yet) it is `verified`. While the disk is full
  /// the answer waits. A corrupt piece stays readable until `clear`. Where no block was written the answer comes from what is
  /// known, from the file or from older contents.
  using VerdictCallback = store::VerdictCallback;
  void complete(ContentId id, std::uint32_t piece, VerdictCallback callback);
  /// Forgets the blocks of an unfinished piece; calls back when no thread uses them any more, perhaps before it returns.
  void clear(ContentId id, std::uint32_t piece, std::function<void()> callback);
  /// Called when there is room again after `pressed`. Set before the first content.
  void on_drained(std::function<void()> call);

  // Upload.
  /// The bytes if they are in memory; no thread is woken. `length` is at most a chunk.
  std::optional<Block> cached(ContentId id, std::uint32_t piece, std::uint32_t offset, std::uint32_t length);
  /// The same from memory or disk; what comes from the disk is checked against the piece's SHA-256 first. Errors: `verification` where it
  /// differs, `not_found` where the piece is not there, or not any more.
  using BlockCallback = store::BlockCallback;
  void read(ContentId id, std::uint32_t piece, std::uint32_t offset, std::uint32_t length, BlockCallback callback);

  /// Everything that was verified until now becomes durable.
  void flush(ContentId id, std::function<void(Status)> callback);
  /// No more work: what waits is answered with `interrupted`, files are synced and closed, then it calls back and the id is gone.
  void stop(ContentId id, std::function<void()> callback);

  ContentFacts facts(ContentId id) const;
  StoreCounters counters() const;
  /// Ends the share of a block whose chunk was leaked.
  void release(const char* address) { pool_.release(address); }
  const ChunkPool& memory() const { return pool_; }
  /// Files and directories that are open now.
  std::size_t open_files() const;

 private:
  struct Parts;  // piece_store.cpp is the composition root of this folder
  const ByteCount memory_budget_;
  ChunkPool pool_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace shoal::store
