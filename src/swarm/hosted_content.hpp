// One content in the engine: its handle, its counters, and the last that was heard of it.
#pragma once

#include <libtorrent/torrent_handle.hpp>
#include <libtorrent/torrent_status.hpp>

#include <map>
#include <memory>
#include <vector>

#include "base/guarded.hpp"
#include "swarm/announcer.hpp"
#include "swarm/payload_counter.hpp"
#include "swarm/swarm.hpp"

namespace shoal::swarm {

/// Shared by the swarm, its event thread, the announcer's callbacks and the mesh's. Thread-safe but for the members of the event thread.
class HostedContent {
 public:
  HostedContent(const InfoHash& id, store::Layout layout, Mode mode);

  const InfoHash& id() const { return id_; }
  Mode mode() const { return mode_; }
  const std::shared_ptr<PayloadCounts>& payload() const { return payload_; }
  /// What the calls below go to; until then they do nothing.
  void attach(lt::torrent_handle handle) { *handle_.lock() = std::move(handle); }
  lt::torrent_handle handle() const { return *handle_.lock(); }

  // Calls into the engine that come back at once and do nothing for a content that it has forgotten.
  void connect(mesh::VirtualEndpoint endpoint) const;
  void flush() const;
  void resume_after_error() const;
  /// Waits for the engine's network thread; for use after alerts were lost.
  bool is_finished_now() const;

  void update(const lt::torrent_status& status);
  void set_complete();
  Progress progress() const;
  AnnounceFacts facts() const;

  /// Members of the event thread.
  struct Course {
    bool finished = false;  // all pieces are verified; writes may be under way
    bool told = false;      // Completed or Failed was sent
    unsigned errors = 0;    // in a row, while serving
    SteadyTime last_error{};
    std::optional<SteadyTime> retry_at;
  };
  Course& course() { return course_; }

 private:
  ByteCount bytes_of(const lt::typed_bitfield<lt::piece_index_t>& pieces) const;

  const InfoHash id_;
  const store::Layout layout_;
  const Mode mode_;
  const std::shared_ptr<PayloadCounts> payload_ = std::make_shared<PayloadCounts>();
  mutable Guarded<lt::torrent_handle> handle_;
  Guarded<Progress> last_;  // without the payload counts
  Course course_;
};

/// The contents by id. Thread-safe.
class HostedContents {
 public:
  using Pointer = std::shared_ptr<HostedContent>;
  /// False where there is one with this id already.
  bool insert(const Pointer& content);
  Pointer find(const InfoHash& id) const;
  Pointer extract(const InfoHash& id);
  std::vector<Pointer> all() const;

 private:
  Guarded<std::map<InfoHash, Pointer>> contents_;
};

}  // namespace shoal::swarm
