// The words of the store: what its parts and its users share. piece_store.hpp is the class.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include "base/files.hpp"
#include "base/ids.hpp"
#include "store/chunk_pool.hpp"
#include "store/file_layer.hpp"
#include "store/file_proof.hpp"
#include "store/fingerprint.hpp"
#include "store/layout.hpp"

namespace shoal::store {

struct StoreOptions {
  /// Unfinished pieces, unwritten pieces, the cache and blocks on their way to peers together.
  ByteCount memory_budget = 192 * MiB;
  unsigned threads = 0;  // 0: one per core
  /// How often verified pieces are made durable: what a crash may cost.
  std::chrono::milliseconds sync_interval{1500};
  /// The first pause before a failed read or write is tried again; it doubles.
  std::chrono::milliseconds retry_pause{100};
  /// Bytes per second of verified pieces that are read and hashed again, one after the other, to find decay; 0: none are.
  ByteCount scrub_rate = 0;
  /// From the end of one round of that to the next.
  std::chrono::milliseconds scrub_pause{60'000};
  /// Files and directories that all contents together keep open. A file that is written around the page cache takes two descriptors.
  std::size_t open_files = 128;
  /// A file is closed when it was not used for this long.
  std::chrono::milliseconds close_after{5000};
};

enum class ContentAccess {
  read_only,  // a source: nothing below its root is ever changed, all pieces are there
  update,     // files are made and filled
};

enum class Verdict { verified, corrupt };

/// Bytes of a piece, shared with whoever else has them: nothing is copied. The store must outlive it.
struct Block {
  ChunkRef chunk;
  const char* data = nullptr;
  std::uint32_t length = 0;
};

/// An older content that may have pieces in common.
struct OlderContent {
  Layout layout;
  std::vector<Sha256> pieces;
  fs::path root;
  std::vector<Sha256> files = {};  // by file; empty: not known
};

/// Events of a content that nobody asked for. Called on the store's threads, without a lock held.
struct ContentEvents {
  /// Pieces that were there are gone: they did not survive a failed sync, or the file was changed or decayed. Code `verification`
  /// where the bytes are wrong.
  std::function<void(const std::vector<std::uint32_t>& pieces, const Error& why)> lost;
  /// Something does not work and is tried again until it does; once for each time it begins. `no_space` for a full disk. With
  /// `verification` it is final: a piece has its digest, and its file cannot have its own.
  std::function<void(const Error&)> problem;
};

struct NewContent {
  Layout layout{{}, 1};
  std::vector<Sha256> pieces;
  /// By file, or empty. Pieces that several files share are put together from the same files of older contents.
  std::vector<Sha256> files = {};
  /// None: a file of several pieces may turn out not to have its own digest when all of them are there.
  std::optional<FileProof> proof = {};
  /// Of those pieces whose bytes were hashed before; empty: none. They spare the SHA-256 when such a piece is read.
  std::vector<Fingerprint> fingerprints = {};
  fs::path root;
  /// Where the root will be renamed to while the content is here; empty: nowhere.
  fs::path moves_to = {};
  ContentAccess access = ContentAccess::update;
  /// All pieces are there, on the word of whoever adds it; of ContentAccess::update. Nothing is hashed, made or reserved, and what turns
  /// out to be lost can be brought again.
  bool complete = false;
  /// Where verified pieces are remembered; empty: nowhere.
  fs::path journal;
  /// Ties the journal to the content: a digest over everything that decides the bytes.
  Sha256 identity;
  std::vector<OlderContent> older;
  ContentEvents events;
};

enum class ContentId : std::uint32_t {};

struct Added {
  ContentId id{};
  std::vector<bool> have;
  /// Pieces beyond `have` may be in the files, or in older contents: `complete` finds out.
  bool unexplored = false;
};

/// Writes the journal of a content whose files were verified by other means: `have` is believed as long as they stay as they are now.
/// Nothing else may use the content meanwhile.
Status remember(FileLayer& files, const NewContent& content, const std::vector<bool>& have);

/// The progress of a content; see `PieceStore::facts`.
struct ContentFacts {
  std::uint32_t have = 0;     // pieces, verified and written
  std::uint32_t durable = 0;  // of these: synced (and in the journal, where there is one)
  ByteCount reused = 0;       // bytes that came from older contents
  std::string problem = {};   // what fails and is tried again; empty where nothing does
};

/// Since the store was made, over all contents.
struct StoreCounters {
  std::uint64_t verified = 0, failed = 0;          // pieces that were hashed after they arrived, were found or were copied
  std::uint64_t cache_hits = 0, cache_misses = 0;  // blocks that peers asked for
  ByteCount read = 0;                              // from files, to send to peers
  ByteCount written = 0;
};

/// The answer to a block (PieceStore::write).
enum class Taken {
  yes,
  pressed,  // taken, but too much is unfinished: bring no more until `drained`
  no,       // not even that fits
  ignored,  // the piece is being checked, or has failed, or the block is on its way to the disk: what came before is kept
};

using VerdictCallback = std::function<void(Result<Verdict>)>;
using BlockCallback = std::function<void(Result<Block>)>;

}  // namespace shoal::store
