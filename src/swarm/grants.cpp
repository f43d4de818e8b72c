#include "swarm/grants.hpp"

#include <libtorrent/bdecode.hpp>
#include <libtorrent/bitfield.hpp>
#include <libtorrent/entry.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/peer_connection_handle.hpp>
#include <libtorrent/torrent_handle.hpp>
#include <libtorrent/torrent_info.hpp>
#include <libtorrent/torrent_status.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "swarm/grant_policy.hpp"
#include "swarm/request_limit.hpp"

namespace shoal::swarm {
namespace {

constexpr const char* key = "shoal_grant";
constexpr int version = 1;
// However large pieces are.
constexpr std::size_t fewest_under_way = 4;

// BEP 3 messages, whole.
std::string have_message(std::uint32_t piece) {
  std::string message("\0\0\0\5\4", 5);
  for (int shift = 24; shift >= 0; shift -= 8) message += static_cast<char>(piece >> shift);
  return message;
}

// libtorrent asks a peer that it finds interesting for blocks when a block arrives, and when it is unchoked: not when it hears of a piece.
// A machine that has nothing under way would then wait for seconds; an unchoke that says nothing new makes it look.
const std::string& nudge_message() {
  static const std::string message("\0\0\0\1\1", 5);
  return message;
}

void send(lt::peer_connection_handle& peer, const std::string& bytes) {
  if (peer.native_handle() && !peer.is_disconnecting()) peer.send_buffer(bytes.data(), static_cast<int>(bytes.size()));
}

/// Another extended handshake (BEP 10): how many requests may wait here.
std::string request_limit_message(unsigned limit) {
  const std::string body = "d4:reqqi" + std::to_string(limit) + "ee";
  std::string message("\0\0\0", 3);
  message += static_cast<char>(2 + body.size());  // far below 256
  return message + std::string("\x14\0", 2) + body;
}

class PeerGrants;

/// What the connections of a torrent share.
struct Rationing {
  Rationing(const lt::torrent_handle& t, GrantRole r, const mesh::Mesh& m, const Clock& c) : torrent(t), role(r), mesh(m), clock(c) {}

  void start();
  void give();

  lt::torrent_handle torrent;
  const GrantRole role;
  const mesh::Mesh& mesh;
  const Clock& clock;
  GrantPolicy::Piece pieces = 0;
  std::optional<GrantPolicy> policy;  // none while there is nothing to ration
  std::map<GrantPolicy::Peer, PeerGrants*> connections;
  std::set<PeerGrants*> all;
};

class PeerGrants final : public lt::peer_plugin {
 public:
  PeerGrants(std::shared_ptr<Rationing> shared, lt::peer_connection_handle peer) : shared_(std::move(shared)), peer_(std::move(peer)) {
    shared_->all.insert(this);
  }
  ~PeerGrants() override {
    leave();
    shared_->all.erase(this);
  }

  lt::string_view type() const override { return key; }

  void add_handshake(lt::entry& handshake) override {
    handshake[key]["v"] = version;
    handshake[key]["source"] = shared_->policy ? 1 : 0;
    promised_ = shared_->policy.has_value();
  }

  bool on_extension_handshake(const lt::bdecode_node& handshake) override {
    if (handshake.type() != lt::bdecode_node::dict_t) return true;
    // Later handshakes change what they name, and nothing else (BEP 10).
    const lt::bdecode_node said = handshake.dict_find_dict(key);
    if (!said || said.dict_find_int_value("v") != version) return true;
    speaks_ = true;
    source_ = said.dict_find_int_value("source") == 1;
    return true;
  }

  // What a source says it has goes no further.
  bool on_have_all() override {
    join();
    for (GrantPolicy::Piece i = 0; id_ && i < shared_->pieces; ++i) has_from_the_start(i);
    shared_->give();
    return source_;
  }
  bool on_bitfield(const lt::bitfield& bits) override {
    join();
    for (int i = 0; id_ && i < bits.size(); ++i)
      if (bits[i]) has_from_the_start(static_cast<GrantPolicy::Piece>(i));
    shared_->give();
    return source_;
  }
  bool on_have_none() override {
    join();
    shared_->give();
    return false;
  }
  bool on_have(lt::piece_index_t piece) override {
    if (id_) {
      shared_->policy->has(*id_, static_cast<GrantPolicy::Piece>(static_cast<int>(piece)), now());
      shared_->give();
    }
    return false;
  }
  bool on_dont_have(lt::piece_index_t) override { return false; }

  bool on_request(const lt::peer_request&) override {
    ++requests_;
    return false;
  }
  void sent_piece(const lt::peer_request&) override { answered(); }
  void sent_reject_request(const lt::peer_request&) override { answered(); }

  void sent_have(lt::piece_index_t) override {
    if (speaks_ && is_idle()) send(peer_, nudge_message());
  }

  /// This machine has the piece. libtorrent tells those who lack it; a source that granted it waits for the word too.
  void completed(lt::piece_index_t piece) {
    if (source_ && peer_.has_piece(piece)) send(peer_, have_message(static_cast<std::uint32_t>(static_cast<int>(piece))));
  }

  bool can_disconnect(const lt::error_code& why) override {
    // A source that shows nothing at the moment is not one that has nothing.
    return !(source_ && why == lt::errors::make_error_code(lt::errors::uninteresting_upload_peer));
  }

  void on_disconnect(const lt::error_code&) override {
    leave();
    shared_->give();
  }
  void sent_payload(int bytes) override { sent_ += static_cast<ByteCount>(bytes); }
  void tick() override {
    shared_->give();
    const auto round_trip = shared_->mesh.round_trip(from_engine(peer_.remote())).value_or(std::chrono::microseconds(0));
    const auto limit = request_limit_.after_second(std::exchange(sent_, 0), round_trip);
    if (limit && speaks_) send(peer_, request_limit_message(*limit));
  }

  /// The policy that knew this connection is gone.
  void forget() { id_.reset(); }
  void grant(GrantPolicy::Piece piece) { send(peer_, have_message(piece) + (is_idle() ? nudge_message() : std::string())); }

 private:
  SteadyTime now() const { return shared_->clock.steady_now(); }

  /// Nothing is on its way to the peer that would make it look for more.
  bool is_idle() { return requests_ == 0 && !peer_.is_choked(); }
  void answered() { requests_ -= requests_ > 0 ? 1 : 0; }

  void join() {
    if (id_ || !shared_->policy || !promised_) return;
    id_ = shared_->policy->join(!speaks_ ? PeerKind::plain : source_ ? PeerKind::source : PeerKind::node, now());
    shared_->connections[*id_] = this;
  }
  void has_from_the_start(GrantPolicy::Piece piece) {
    if (source_) shared_->policy->brings(*id_, piece);
    else shared_->policy->has(*id_, piece, now());
  }
  void leave() {
    if (!id_ || !shared_->policy) return;
    shared_->policy->leave(*id_, now());
    shared_->connections.erase(*id_);
    id_.reset();
  }

  const std::shared_ptr<Rationing> shared_;
  lt::peer_connection_handle peer_;
  std::optional<GrantPolicy::Peer> id_;  // in the policy
  RequestLimit request_limit_;
  ByteCount sent_ = 0;     // payload, since the last tick
  unsigned requests_ = 0;  // that the peer made and that are not answered yet
  bool promised_ = false;  // our handshake said that we ration
  bool speaks_ = false;
  bool source_ = false;
};

/// Also after a check that was asked for because pieces were lost.
void Rationing::start() {
  for (auto& [id, connection] : connections) connection->forget();
  connections.clear();
  policy.reset();
  if (!role.grants) return;
  const lt::torrent_status status = torrent.status(lt::torrent_handle::query_pieces);
  if (2 * status.pieces.count() < status.pieces.size()) return;
  pieces = static_cast<GrantPolicy::Piece>(status.pieces.size());
  const auto piece_length = static_cast<ByteCount>(torrent.torrent_file()->piece_length());
  policy.emplace(pieces, role.order, role.seed, std::max<std::size_t>(fewest_under_way, role.under_way / piece_length));
  for (GrantPolicy::Piece i = 0; i < pieces; ++i) policy->hold(i, status.pieces.get_bit(lt::piece_index_t(static_cast<int>(i))));
}

void Rationing::give() {
  if (!policy) return;
  for (const auto& grant : policy->next(clock.steady_now())) connections.at(grant.peer)->grant(grant.piece);
}

class TorrentGrants final : public lt::torrent_plugin {
 public:
  TorrentGrants(const lt::torrent_handle& torrent, GrantRole role, const mesh::Mesh& mesh, const Clock& clock)
      : shared_(std::make_shared<Rationing>(torrent, role, mesh, clock)) {}

  std::shared_ptr<lt::peer_plugin> new_connection(const lt::peer_connection_handle& peer) override {
    return std::make_shared<PeerGrants>(shared_, peer);
  }
  void on_files_checked() override { shared_->start(); }
  void on_piece_pass(lt::piece_index_t piece) override {
    if (shared_->policy) shared_->policy->hold(static_cast<GrantPolicy::Piece>(static_cast<int>(piece)), true);
    for (PeerGrants* connection : shared_->all) connection->completed(piece);
  }

 private:
  const std::shared_ptr<Rationing> shared_;
};

}  // namespace

std::shared_ptr<lt::torrent_plugin> grants(const lt::torrent_handle& torrent, GrantRole role, const mesh::Mesh& mesh, const Clock& clock) {
  return std::make_shared<TorrentGrants>(torrent, role, mesh, clock);
}

}  // namespace shoal::swarm
