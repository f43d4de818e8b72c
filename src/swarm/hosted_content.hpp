// One content in the engine: its handle, its counters, and the last that was heard of it.
#pragma once

#include <libtorrent/torrent_handle.hpp>
#include <libtorrent/torrent_status.hpp>

#include <map>
#include <memory>
#include <vector>

#include "base/guarded.hpp"
#include "fanout/bans.hpp"
#include "fanout/stall.hpp"
#include "store/piece_store.hpp"
#include "swarm/announcer.hpp"
#include "swarm/bell.hpp"
#include "swarm/content.hpp"
#include "swarm/deciding_watch.hpp"
#include "swarm/grants.hpp"
#include "swarm/payload_counter.hpp"

namespace shoal::swarm {

/// Whom the tracker named, the newest first.
struct NamedPeers {
  std::vector<registry::AnnouncedPeer> peers;  // also in earlier answers; at most `most`
  unsigned in_last_answer = 0;
  static constexpr std::size_t most = 128;
};

/// Shared by the swarm, its event thread, the announcer's callbacks and the mesh's. Thread-safe but for the members of the event thread.
class HostedContent {
 public:
  /// `store` must outlive it.
  HostedContent(const InfoHash& id, store::Layout layout, Mode mode, const store::PieceStore& store);

  const InfoHash& id() const { return id_; }
  Mode mode() const { return mode_; }
  const std::shared_ptr<PayloadCounts>& payload() const { return payload_; }
  const std::shared_ptr<PieceWishes>& wishes() const { return wishes_; }
  /// What the calls below go to; until then they do nothing.
  void attach(lt::torrent_handle handle) { *handle_.lock() = std::move(handle); }
  lt::torrent_handle handle() const { return *handle_.lock(); }
  /// Before attach(): what open_gate() opens.
  void set_gate(std::shared_ptr<DecidingWatch> gate) { gate_ = std::move(gate); }

  /// What the store has to say of the content, kept for the event thread. The callbacks share this object.
  struct Convicted {
    NodeId machine;
    fanout::Sentence sentence;
  };
  struct News {
    std::vector<Error> problems;
    std::optional<Error> lost;  // pieces are gone, and why
    std::vector<Convicted> convicted;
  };
  /// `bell` rings when there is some.
  static store::ContentEvents store_events(const std::shared_ptr<HostedContent>& content, const std::shared_ptr<Bell>& bell);
  void convicted(const NodeId& machine, const fanout::Sentence& sentence) { news_.lock()->convicted.push_back({machine, sentence}); }
  News take_news() { return std::exchange(*news_.lock(), {}); }
  void set_stored_as(store::ContentId id) { *stored_as_.lock() = id; }
  store::ContentFacts store_facts() const;
  bool is_durable() const { return store_facts().durable == layout_.piece_count(); }

  // Calls into the engine that come back at once and do nothing for a content that it has forgotten.
  void connect(mesh::VirtualEndpoint endpoint) const;
  void flush() const;
  void resume_after_error() const;
  /// Content::deciding_first: what has waited is asked for.
  void open_gate() const;
  void look_at_gate() const;
  /// These before others: libtorrent requests them first, and sources grant them first.
  void hurry(const std::vector<std::uint32_t>& pieces) const;
  /// Has libtorrent ask the store anew which pieces there are. A source then asks nobody for those that are gone.
  void recheck() const;
  // These wait for the engine's network thread.
  /// Which pieces it has; none where it has forgotten the content.
  std::vector<bool> pieces() const;
  /// For use after alerts were lost.
  bool is_finished_now() const;
  /// It counts on pieces that the store does not have any more.
  bool engine_believes_too_much() const;

  /// True: payload came or went since the last time.
  bool update(const lt::torrent_status& status);
  /// Nothing came or went for seconds: the engine's rates, which fade for a minute, are not shown.
  void set_still();
  void set_complete();
  void set_incomplete() { last_.lock()->complete = false; }
  bool is_complete() const {
    return last_.with([](const Progress& last) { return last.complete; });
  }
  /// Why nothing arrives (StallWatch).
  void set_stall(fanout::Stall stall) { last_.lock()->stall = std::move(stall); }
  fanout::Stall stall() const {
    return last_.with([](const Progress& last) { return last.stall; });
  }
  /// An answer of the tracker, without this machine.
  void note_named(const std::vector<registry::AnnouncedPeer>& peers);
  /// None before the first answer.
  std::optional<NamedPeers> named() const {
    return named_.with([](const auto& named) { return named; });
  }
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
  void on_network_thread(std::function<void()> work) const;
  void on_gate(void (DecidingWatch::*call)()) const;
  ByteCount bytes_of(const lt::typed_bitfield<lt::piece_index_t>& pieces) const;

  const InfoHash id_;
  const store::Layout layout_;
  const Mode mode_;
  const std::shared_ptr<PayloadCounts> payload_ = std::make_shared<PayloadCounts>();
  const std::shared_ptr<PieceWishes> wishes_ = std::make_shared<PieceWishes>();
  mutable Guarded<lt::torrent_handle> handle_;
  std::shared_ptr<DecidingWatch> gate_;
  Guarded<News> news_;
  const store::PieceStore& store_;
  Guarded<std::optional<store::ContentId>> stored_as_;
  Guarded<Progress> last_;  // without the payload counts
  Guarded<std::optional<NamedPeers>> named_;
  std::int64_t moved_ = 0;  // payload in both directions at the last update; of the event thread
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
