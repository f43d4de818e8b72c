// The store's knowledge of one content, split by who may touch it. Internal to the store.
#pragma once

#include <set>
#include <unordered_map>

#include "store/live_piece.hpp"
#include "store/read_lane.hpp"

namespace shoal::store {

struct WaitingRead {
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  BlockCallback callback;
};

struct OlderFiles {
  const OlderContent& content;
  std::unique_ptr<ContentFiles> files;
};

/// The part of a content that the store's lock protects: see StoreState::of.
struct ContentState {
  ContentState() = default;
  explicit ContentState(const NewContent& spec)
      : have(spec.pieces.size()), unexplored(spec.pieces.size()), fingerprints(spec.fingerprints) {
    fingerprints.resize(spec.pieces.size());
  }

  std::vector<bool> have;
  std::vector<bool> unexplored;           // the file may hold it
  std::vector<Fingerprint> fingerprints;  // of pieces that were read and found right
  std::unordered_map<std::uint32_t, std::shared_ptr<LivePiece>> live;
  std::unordered_map<std::uint32_t, std::vector<WaitingRead>> reading;
  std::uint32_t last_read = UINT32_MAX;
  std::set<std::uint32_t> written;       // not durable yet
  std::set<std::uint32_t> syncing;       // ... and taken by the syncing thread
  std::vector<std::uint32_t> forgotten;  // to be struck from the journal
  std::vector<std::function<void(Status)>> flushes;
  std::vector<std::function<void()>> stops;
  ContentFacts facts;
  unsigned jobs = 0;
  bool stopping = false;
  bool has_problem = false;  // one was reported and has not ended
  bool was_whole = false;    // all was there once: somebody may look at the files
  std::chrono::steady_clock::time_point spill_again{};
};

/// Public members are set before others see the content, and do not change after that.
class StoredContent {
 public:
  StoredContent(ContentId i, NewContent n) : id(i), spec(std::move(n)) {}

  bool read_only() const { return spec.access == ContentAccess::read_only; }
  std::uint32_t bytes_in(std::uint32_t piece) const { return spec.layout.bytes_in(piece); }
  std::vector<FilePart> parts(std::uint32_t piece) const { return spec.layout.parts(piece); }
  PieceCheck check(std::uint32_t piece) const { return {spec.layout, spec.pieces[piece], spec.proof, piece}; }
  std::string name(std::uint32_t file) const { return spec.layout.files()[file].path; }
  std::uint32_t key() const { return static_cast<std::uint32_t>(id); }  // in the cache

  const ContentId id;
  const NewContent spec;
  Lane* lane = nullptr;
  std::unique_ptr<ContentFiles> files;
  std::vector<std::unique_ptr<OlderFiles>> older;  // refer to `spec`
  std::unordered_map<Sha256, std::pair<OlderFiles*, std::uint32_t>> older_pieces;
  std::unordered_map<Sha256, std::pair<OlderFiles*, std::uint32_t>> older_files;  // those shorter than a piece, by their digests

 private:
  friend struct StoreState;
  ContentState state_;

  // Of the syncing thread.
  friend class ContentOpener;
  friend class Syncer;
  std::unique_ptr<Journal> journal_;
  std::set<std::uint32_t> suspect_;  // files of which a sync failed once
};
using ContentPtr = std::shared_ptr<StoredContent>;

/// The error for a piece whose bytes in the files are not those that were published. Where it spans several files, their own digests show
/// which one it is.
Error wrong_bytes(const StoredContent& content, std::uint32_t piece);

}  // namespace shoal::store
