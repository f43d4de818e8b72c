// The seam to the disk. Today: libtorrent's own back-end, and a guard that keeps it from writing below a source.
#pragma once

#include <libtorrent/disk_interface.hpp>
#include <libtorrent/session_types.hpp>
#include <libtorrent/session_params.hpp>

#include <condition_variable>
#include <memory>
#include <set>

#include "base/guarded.hpp"
#include "swarm/engine.hpp"

namespace shoal::swarm {

/// What the swarm and its disk back-end tell each other. Thread-safe.
class DiskContents {
 public:
  /// Before the torrent is added: nothing is written, created or cut for it.
  void protect(const InfoHash& content);
  /// The back-end has opened storage for the content, or closed every file of it.
  void opened(const InfoHash& content);
  void closed(const InfoHash& content);
  bool is_protected(const InfoHash& content) const;
  /// Waits until the content's files are closed; false at the deadline.
  bool wait_closed(const InfoHash& content, std::chrono::milliseconds timeout);
  /// Ends the protection.
  void forget(const InfoHash& content);

 private:
  struct State {
    std::set<InfoHash> protected_contents;
    std::set<InfoHash> open;
  };
  Guarded<State> state_;
  std::condition_variable changed_;
};

/// The stock back-end behind the guard. `contents` must outlive the session.
lt::disk_io_constructor_type disk_back_end(DiskContents& contents);

}  // namespace shoal::swarm
