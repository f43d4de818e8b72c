#include "swarm/deciding_watch.hpp"

#include <libtorrent/bitfield.hpp>
#include <libtorrent/peer_connection_handle.hpp>
#include <libtorrent/peer_request.hpp>
#include <libtorrent/torrent_handle.hpp>
#include <libtorrent/torrent_status.hpp>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fanout/deciding_gate.hpp"
#include "swarm/deciding_pieces.hpp"
#include "swarm/peer_log.hpp"
#include "swarm/peer_messages.hpp"

namespace shoal::swarm {
namespace {

using fanout::DecidingGate;

class PeerDeciding;

/// What the connections of a torrent share. On the network thread.
struct Deciding {
  Deciding(const store::Layout& layout, const std::vector<std::uint32_t>& pieces, const Clock& c, std::function<void()> d)
      : gate(pieces, allowance_beside(layout, pieces)), clock(c), decidable(std::move(d)) {}

  void arrived(lt::piece_index_t piece) {
    if (gate.arrived(static_cast<DecidingGate::Piece>(static_cast<int>(piece)))) decidable();
  }
  void release();
  void look() {
    if (gate.is_open(clock.steady_now())) release();
  }

  DecidingGate gate;
  const Clock& clock;
  const std::function<void()> decidable;
  std::set<PeerDeciding*> all;
};

class PeerDeciding final : public lt::peer_plugin {
 public:
  PeerDeciding(std::shared_ptr<Deciding> shared, lt::peer_connection_handle peer) : shared_(std::move(shared)), peer_(std::move(peer)) {
    shared_->all.insert(this);
  }
  ~PeerDeciding() override { shared_->all.erase(this); }

  /// True: libtorrent takes it for sent. It gives a peer eight seconds to answer (session_settings.cpp), which is far beyond the gate's
  /// patience.
  bool write_request(const lt::peer_request& request) override {
    const auto piece = static_cast<DecidingGate::Piece>(static_cast<int>(request.piece));
    if (shared_->gate.admits(piece, static_cast<ByteCount>(request.length), shared_->clock.steady_now())) return false;
    waiting_.push_back(request);
    return true;
  }
  bool on_piece(const lt::peer_request& block, lt::span<const char>) override {
    shared_->gate.came(static_cast<DecidingGate::Piece>(static_cast<int>(block.piece)), shared_->clock.steady_now());
    return false;
  }
  void tick() override { shared_->look(); }
  void send_waiting() {
    std::string bytes;
    for (const lt::peer_request& request : std::exchange(waiting_, {})) {
      const auto piece = static_cast<DecidingGate::Piece>(static_cast<int>(request.piece));
      bytes += request_message(piece, static_cast<std::uint32_t>(request.start), static_cast<std::uint32_t>(request.length));
      note_sent(peer_, PeerTally::Kind::request, piece);
    }
    if (!bytes.empty() && peer_.native_handle() && !peer_.is_disconnecting())
      peer_.send_buffer(bytes.data(), static_cast<int>(bytes.size()));
  }

 private:
  const std::shared_ptr<Deciding> shared_;
  lt::peer_connection_handle peer_;
  std::vector<lt::peer_request> waiting_;  // no more than libtorrent's queue of one peer
};

void Deciding::release() {
  for (PeerDeciding* peer : all) peer->send_waiting();
}

class TorrentDeciding final : public lt::torrent_plugin {
 public:
  TorrentDeciding(lt::torrent_handle torrent, std::shared_ptr<Deciding> shared)
      : torrent_(std::move(torrent)), shared_(std::move(shared)) {}

  std::shared_ptr<lt::peer_plugin> new_connection(const lt::peer_connection_handle& peer) override {
    return std::make_shared<PeerDeciding>(shared_, peer);
  }
  /// What an earlier run fetched.
  void on_files_checked() override {
    const lt::torrent_status status = torrent_.status(lt::torrent_handle::query_pieces);
    for (const lt::piece_index_t piece : status.pieces.range())
      if (status.pieces[piece]) shared_->arrived(piece);
  }
  void on_piece_pass(lt::piece_index_t piece) override { shared_->arrived(piece); }

 private:
  const lt::torrent_handle torrent_;
  const std::shared_ptr<Deciding> shared_;
};

class EngineDecidingWatch final : public DecidingWatch {
 public:
  explicit EngineDecidingWatch(std::shared_ptr<Deciding> shared) : shared_(std::move(shared)) {}
  std::shared_ptr<lt::torrent_plugin> plugin(const lt::torrent_handle& torrent) override {
    return std::make_shared<TorrentDeciding>(torrent, shared_);
  }
  void open() override {
    shared_->gate.open();
    shared_->release();
  }
  void look() override { shared_->look(); }

 private:
  const std::shared_ptr<Deciding> shared_;
};

}  // namespace

std::shared_ptr<DecidingWatch> DecidingWatch::make(const store::Layout& layout, const std::vector<std::uint32_t>& deciding,
                                                   const Clock& clock, std::function<void()> decidable) {
  return std::make_shared<EngineDecidingWatch>(std::make_shared<Deciding>(layout, deciding, clock, std::move(decidable)));
}

}  // namespace shoal::swarm
