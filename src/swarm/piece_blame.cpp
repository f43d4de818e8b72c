#include "swarm/piece_blame.hpp"

#include <libtorrent/error_code.hpp>
#include <libtorrent/peer_connection_handle.hpp>
#include <libtorrent/peer_request.hpp>
#include <libtorrent/torrent_info.hpp>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/log.hpp"
#include "crypto/digest.hpp"
#include "fanout/block_ledger.hpp"
#include "fanout/solo_fetch.hpp"
#include "swarm/block_digests.hpp"
#include "swarm/engine_penalties.hpp"
#include "swarm/peer_messages.hpp"

namespace shoal::swarm {
namespace {

using fanout::Bans;
using fanout::Blame;
using fanout::BlockDigests;
using fanout::BlockLedger;
using fanout::BlockSenders;
using fanout::Sentence;
using fanout::SoloFetch;

using Piece = std::uint32_t;

constexpr std::uint32_t block_size = 16 * 1024;
/// Blocks that nobody asked for. libtorrent 2.0.8 would write them: a peer could spoil every piece there is.
constexpr unsigned most_unasked = 16;
/// Between two looks at whether anybody has what is missing, while somebody is banned.
constexpr std::chrono::seconds look_for_sources{5};

Piece number(lt::piece_index_t piece) { return static_cast<Piece>(static_cast<int>(piece)); }
std::uint64_t place(const lt::peer_request& request) {
  return std::uint64_t{number(request.piece)} << 32 | static_cast<std::uint32_t>(request.start);
}

void end(lt::peer_connection_handle peer) {
  if (peer.native_handle() && !peer.is_disconnecting())
    peer.disconnect(lt::errors::make_error_code(lt::errors::peer_banned), lt::operation_t::bittorrent,
                    lt::peer_connection_interface::failure);
}

class PeerBlame;

/// The content's part, shared by its connections and the disk back-end.
class ContentBlame final : public PieceBlame, public PieceWatch, public std::enable_shared_from_this<ContentBlame> {
 public:
  ContentBlame(BlamedContent content, std::shared_ptr<Bans> bans, const mesh::Mesh& mesh, const Clock& clock)
      : content_(std::move(content)), bans_(std::move(bans)), mesh_(mesh), clock_(clock) {}

  std::shared_ptr<PieceWatch> watch() override { return shared_from_this(); }
  std::shared_ptr<lt::torrent_plugin> plugin(const lt::torrent_handle& torrent) override;

  void taken(Piece piece, std::uint32_t start, bool from_peer) override;
  Needs check_begins(Piece piece) override;
  void checked(Piece piece, bool is_right, const BlockDigests& digests) override;
  void told() override;
  void cleared(Piece piece) override;

  void join(PeerBlame& peer) { peers_.insert(&peer); }
  void leave(PeerBlame& peer);
  void gone(PeerBlame& peer);  // cannot bring what it was asked for alone
  void tick();
  /// A block from the peer. False where it is known to be wrong.
  bool came(PeerBlame& peer, const lt::peer_request& request, lt::span<const char> bytes);
  bool is_asked_alone(const PeerBlame& peer, const lt::peer_request& request) const;
  bool is_banned(const NodeId& machine) const { return bans_->is_banned(machine, content_.id, now()); }
  const mesh::Mesh& mesh() const { return mesh_; }

 private:
  struct Solo {
    SoloFetch fetch;
    PeerBlame* from;
  };
  SteadyTime now() const { return clock_.steady_now(); }
  std::uint32_t bytes_in(Piece piece) const { return piece < content_.pieces.size() ? content_.layout.bytes_in(piece) : 0; }
  void convict(const Blame::Machines& machines);
  bool is_last_source(const NodeId& machine) const;
  bool lacks_source(const NodeId* without) const;
  void look_for_sources_again();
  void watch_peers();
  void fetch_alone();
  PeerBlame* choose(Piece piece);
  void ask();
  void judge_solo();

  const BlamedContent content_;
  const std::shared_ptr<Bans> bans_;
  const mesh::Mesh& mesh_;
  const Clock& clock_;
  lt::torrent_handle torrent_;
  std::set<PeerBlame*> peers_;
  Blame blame_;
  BlockLedger ledger_;
  std::map<Piece, BlockSenders> checking_;
  struct Arriving {
    std::uint64_t place = 0;
    std::shared_ptr<const NodeId> sender;
  } arriving_;  // the block that libtorrent is about to write
  std::optional<Solo> solo_;
  std::set<NodeId> tried_;  // for the piece that is to be settled
  std::optional<Piece> tried_for_;
  std::set<NodeId> to_cut_;
  SteadyTime looked_{};
};

class PeerBlame final : public lt::peer_plugin {
 public:
  PeerBlame(std::shared_ptr<ContentBlame> shared, lt::peer_connection_handle peer) : shared_(std::move(shared)), peer_(std::move(peer)) {
    shared_->join(*this);
  }
  ~PeerBlame() override { shared_->leave(*this); }

  bool on_handshake(lt::span<const char>) override {
    if (machine() && shared_->is_banned(*machine_)) end(peer_);
    return true;
  }
  /// Before anything may hold the request back for a while (DecidingWatch).
  bool write_request(const lt::peer_request& request) override {
    ++requested_[place(request)];
    return false;
  }
  bool on_piece(const lt::peer_request& request, lt::span<const char> bytes) override {
    if (!was_asked(request)) return unasked();
    if (shared_->came(*this, request, bytes)) return false;
    end(peer_);
    return true;
  }
  bool on_reject(const lt::peer_request& request) override {
    was_asked(request);
    if (shared_->is_asked_alone(*this, request)) shared_->gone(*this);
    return false;
  }
  bool on_choke() override {
    shared_->gone(*this);
    return false;
  }
  void on_piece_failed(lt::piece_index_t) override { restore_trust(peer_); }
  void on_disconnect(const lt::error_code& why) override {
    if (why == lt::errors::make_error_code(lt::errors::too_many_corrupt_pieces)) lift_ban(peer_);
    shared_->leave(*this);
  }

  /// nullptr where the mesh does not know it.
  const std::shared_ptr<const NodeId>& machine() {
    if (!machine_)
      if (auto whom = shared_->mesh().whom(from_engine(peer_.remote()))) machine_ = std::make_shared<const NodeId>(whom->peer);
    return machine_;
  }
  bool is(const NodeId& other) { return machine() && *machine_ == other; }
  bool is_source() {
    const auto whom = shared_->mesh().whom(from_engine(peer_.remote()));
    return whom && whom->role == identity::Role::seeder;
  }
  bool is_ready() const { return peer_.native_handle() && !peer_.is_disconnecting() && !peer_.is_connecting() && !peer_.in_handshake(); }
  bool can_send() const { return is_ready() && !peer_.has_peer_choked(); }
  /// A seeder has everything, even if it does not show it.
  bool has(Piece piece) { return is_ready() && (peer_.has_piece(lt::piece_index_t(static_cast<int>(piece))) || is_source()); }
  void ask(Piece piece, const SoloFetch::Request& request) {
    const lt::peer_request same{lt::piece_index_t(static_cast<int>(piece)), static_cast<int>(request.start),
                                static_cast<int>(request.length)};
    if (requested_.contains(place(same))) return;  // by libtorrent; the answer serves both
    ++requested_[place(same)];
    const std::string message = request_message(piece, request.start, request.length);
    peer_.send_buffer(message.data(), static_cast<int>(message.size()));
  }
  lt::peer_connection_handle handle() const { return peer_; }

 private:
  bool was_asked(const lt::peer_request& request) {
    auto found = requested_.find(place(request));
    if (found == requested_.end()) return false;
    if (--found->second == 0) requested_.erase(found);
    return true;
  }
  /// Dropped. libtorrent keeps a note of each such block: not many are suffered.
  bool unasked() {
    if (++unasked_ > most_unasked) end(peer_);
    return true;
  }

  const std::shared_ptr<ContentBlame> shared_;
  lt::peer_connection_handle peer_;
  std::shared_ptr<const NodeId> machine_;
  std::unordered_map<std::uint64_t, unsigned> requested_;  // and not answered
  unsigned unasked_ = 0;
};

class TorrentBlame final : public lt::torrent_plugin {
 public:
  explicit TorrentBlame(std::shared_ptr<ContentBlame> shared) : shared_(std::move(shared)) {}
  std::shared_ptr<lt::peer_plugin> new_connection(const lt::peer_connection_handle& peer) override {
    return std::make_shared<PeerBlame>(shared_, peer);
  }
  void tick() override { shared_->tick(); }

 private:
  const std::shared_ptr<ContentBlame> shared_;
};

std::shared_ptr<lt::torrent_plugin> ContentBlame::plugin(const lt::torrent_handle& torrent) {
  torrent_ = torrent;
  return std::make_shared<TorrentBlame>(shared_from_this());
}

// ---- blocks and pieces, as the back-end tells of them ----

void ContentBlame::taken(Piece piece, std::uint32_t start, bool from_peer) {
  const bool same = from_peer && arriving_.place == (std::uint64_t{piece} << 32 | start);
  ledger_.add(piece, start / block_size, same ? std::exchange(arriving_.sender, nullptr) : nullptr);
}

PieceWatch::Needs ContentBlame::check_begins(Piece piece) {
  const std::uint32_t bytes = bytes_in(piece);
  BlockSenders senders = ledger_.take(piece, (bytes + block_size - 1) / block_size);
  const Needs needs{!senders.empty(), blame_.is_disputed(piece), bytes};
  if (needs.if_corrupt || needs.if_verified) checking_[piece] = std::move(senders);
  return needs;
}

void ContentBlame::checked(Piece piece, bool is_right, const BlockDigests& digests) {
  auto node = checking_.extract(piece);
  if (node.empty()) return;
  if (!is_right) return convict(blame_.failed(piece, node.mapped(), digests));
  for (const auto& sender : node.mapped())
    if (sender) bans_->vouch(*sender, content_.id);
  if (solo_ && solo_->fetch.piece() == piece) solo_.reset();
  convict(blame_.verified(piece, digests));
}

void ContentBlame::cleared(Piece piece) {
  ledger_.clear(piece);
  checking_.erase(piece);
}

/// Only now: libtorrent bans a peer for good that sent a whole bad piece and is not connected any more.
void ContentBlame::told() {
  for (const NodeId& machine : std::exchange(to_cut_, {})) {
    std::vector<lt::peer_connection_handle> handles;
    for (PeerBlame* peer : peers_)
      if (peer->is(machine)) handles.push_back(peer->handle());
    for (const auto& handle : handles) end(handle);
  }
}

void ContentBlame::convict(const Blame::Machines& machines) {
  for (const NodeId& machine : machines) {
    const Sentence sentence = bans_->convict(machine, content_.id, now(), is_last_source(machine));
    content_.convicted(machine, sentence);
    if (sentence.lasts.count() > 0) to_cut_.insert(machine);
  }
}

// ---- sources ----

bool ContentBlame::is_last_source(const NodeId& machine) const { return lacks_source(&machine); }

/// Some piece that is missing is nowhere but, perhaps, with `without` and those that are banned.
bool ContentBlame::lacks_source(const NodeId* without) const {
  std::vector<PeerBlame*> others;
  for (PeerBlame* peer : peers_)
    if (peer->machine() && peer->is_ready() && (without == nullptr || !peer->is(*without)) && !is_banned(*peer->machine()))
      others.push_back(peer);
  if (std::any_of(others.begin(), others.end(), [](PeerBlame* peer) { return peer->is_source(); })) return false;
  for (Piece piece = 0; piece < content_.pieces.size(); ++piece) {
    if (torrent_.have_piece(lt::piece_index_t(static_cast<int>(piece)))) continue;
    if (std::none_of(others.begin(), others.end(), [piece](PeerBlame* peer) { return peer->has(piece); })) return true;
  }
  return false;
}

void ContentBlame::look_for_sources_again() {
  if (now() - looked_ < look_for_sources || bans_->count(content_.id, now()) == 0) return;
  looked_ = now();
  if (lacks_source(nullptr)) bans_->pardon(content_.id, now());
}

// ---- peers ----

void ContentBlame::leave(PeerBlame& peer) {
  gone(peer);
  peers_.erase(&peer);
}

void ContentBlame::gone(PeerBlame& peer) {
  if (solo_ && solo_->from == &peer) solo_.reset();
}

void ContentBlame::tick() {
  watch_peers();
  look_for_sources_again();
  if (solo_ && solo_->fetch.has_stalled(now())) solo_.reset();
  if (!solo_) fetch_alone();
  told();
}

void ContentBlame::watch_peers() {
  for (PeerBlame* peer : peers_) {
    if (!peer->is_ready() || !peer->machine()) continue;
    const NodeId& machine = *peer->machine();
    restore_trust(peer->handle());
    if (bans_->has_lied(machine, content_.id)) ask_whole_pieces(peer->handle());
    if (is_banned(machine) || (bans_->is_banned_everywhere(machine, now()) && !is_last_source(machine))) to_cut_.insert(machine);
  }
}

bool ContentBlame::came(PeerBlame& peer, const lt::peer_request& request, lt::span<const char> bytes) {
  const Piece piece = number(request.piece);
  const auto start = static_cast<std::uint32_t>(request.start);
  const std::string_view block(bytes.data(), static_cast<std::size_t>(bytes.size()));
  arriving_ = {place(request), peer.machine()};
  if (const Sha256* truth = blame_.truth(piece, start / block_size)) {
    if (crypto::sha256(block.substr(0, bytes_in(piece) - start)) == *truth) return true;
    if (peer.machine()) convict({*peer.machine()});
    return false;
  }
  if (solo_ && solo_->from == &peer && solo_->fetch.piece() == piece && solo_->fetch.take(start, block, now())) {
    solo_->fetch.is_whole() ? judge_solo() : ask();
    return !peer.handle().is_disconnecting();
  }
  return true;
}

// ---- a disputed piece from one machine alone ----

bool ContentBlame::is_asked_alone(const PeerBlame& peer, const lt::peer_request& request) const {
  return solo_ && solo_->from == &peer && solo_->fetch.piece() == number(request.piece);
}

void ContentBlame::fetch_alone() {
  const auto piece = blame_.to_settle([this](const NodeId& machine) { return bans_->has_lied(machine, content_.id); });
  if (!piece) return;
  if (tried_for_ != piece) tried_.clear();
  tried_for_ = piece;
  PeerBlame* from = choose(*piece);
  if (from == nullptr) return tried_.clear();
  tried_.insert(*from->machine());
  const auto info = torrent_.torrent_file();
  const auto size = static_cast<std::uint32_t>(info->piece_size(lt::piece_index_t(static_cast<int>(*piece))));
  solo_.emplace(Solo{SoloFetch(*piece, size, bytes_in(*piece), now()), from});
  log::debug("piece_asked_alone", {{"info_hash", content_.id.hex()}, {"piece", *piece}, {"machine", from->machine()->str()}});
  ask();
}

/// A seeder first, then whoever has a part in the fewest disputes.
PeerBlame* ContentBlame::choose(Piece piece) {
  const std::set<NodeId> senders = blame_.senders(piece);
  PeerBlame* best = nullptr;
  std::pair<bool, std::size_t> least{};
  for (PeerBlame* peer : peers_) {
    if (!peer->can_send() || !peer->machine() || tried_.contains(*peer->machine()) || is_banned(*peer->machine())) continue;
    if (!peer->has(piece) && !senders.contains(*peer->machine())) continue;
    const std::pair<bool, std::size_t> rank{!peer->is_source(), blame_.suspicions(*peer->machine())};
    if (best != nullptr && least <= rank) continue;
    best = peer;
    least = rank;
  }
  return best;
}

void ContentBlame::ask() {
  for (const auto& request : solo_->fetch.next()) solo_->from->ask(solo_->fetch.piece(), request);
}

void ContentBlame::judge_solo() {
  const Solo solo = *std::exchange(solo_, std::nullopt);
  const Piece piece = solo.fetch.piece();
  if (crypto::sha256(solo.fetch.bytes()) == content_.pieces[piece]) convict(blame_.settled(piece, block_digests(solo.fetch.bytes())));
  else convict({*solo.from->machine()});
}

}  // namespace

std::shared_ptr<PieceBlame> PieceBlame::make(BlamedContent content, std::shared_ptr<Bans> bans, const mesh::Mesh& mesh,
                                             const Clock& clock) {
  return std::make_shared<ContentBlame>(std::move(content), std::move(bans), mesh, clock);
}

}  // namespace shoal::swarm
