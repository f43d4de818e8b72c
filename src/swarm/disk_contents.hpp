// What the swarm and its disk back-end tell each other.
#pragma once

#include <libtorrent/torrent_info.hpp>

#include <condition_variable>
#include <map>
#include <memory>

#include "base/guarded.hpp"
#include "store/piece_store.hpp"
#include "swarm/engine.hpp"
#include "swarm/piece_watch.hpp"

namespace shoal::swarm {

/// A content as the back-end has to know it.
struct DiskContent {
  store::ContentId id{};
  std::shared_ptr<const lt::torrent_info> torrent;  // for the SHA-1 that libtorrent wants to hear
  bool unexplored = false;                          // there may be more on disk than `have_pieces` says
  std::shared_ptr<PieceWatch> watch = nullptr;      // none for what is never fetched
};

/// Thread-safe.
class DiskContents {
 public:
  /// Before the torrent is added.
  void enter(const InfoHash& content, DiskContent facts);
  std::optional<DiskContent> find(const InfoHash& content) const;
  /// The store has closed its files.
  void closed(const InfoHash& content);
  /// Waits for that; false at the deadline.
  bool wait_closed(const InfoHash& content, std::chrono::milliseconds timeout);

 private:
  Guarded<std::map<InfoHash, DiskContent>> contents_;
  std::condition_variable changed_;
};

}  // namespace shoal::swarm
