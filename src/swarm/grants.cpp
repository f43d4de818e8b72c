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
#include <utility>
#include <vector>

#include "crypto/digest.hpp"
#include "fanout/grant_policy.hpp"
#include "fanout/request_limit.hpp"
#include "fanout/site_share.hpp"
#include "swarm/grant_messages.hpp"
#include "swarm/peer_log.hpp"
#include "swarm/peer_messages.hpp"

namespace shoal::swarm {
namespace {

using fanout::GrantPolicy;
using fanout::PeerKind;
using fanout::RequestLimit;
using fanout::SiteShare;

constexpr const char* key = grant_key;
constexpr int show_id = 20;  // of that message, when it comes here; libtorrent's own end at 8
// How many peers become near or far in a second: each costs a look at all pieces.
constexpr int changes_a_second = 16;
// However large pieces are.
constexpr std::size_t fewest_under_way = 4;
// Seconds that two complete machines stay linked, so that each learns about the other before the link is closed.
constexpr int linger_ticks = 2;

// libtorrent asks a peer that it finds interesting for blocks when a block arrives, and when it is unchoked: not when it hears of a piece.
// A machine that has nothing under way would then wait for seconds; an unchoke that says nothing new makes it look.
const std::string& nudge_message() {
  static const std::string message("\0\0\0\1\1", 5);
  return message;
}

// The mesh keeps `have` messages back for a moment (mesh/have_gathering.hpp), and lets them go with any other: a keep-alive does nothing
// else.
const std::string& push_message() {
  static const std::string message(4, '\0');
  return message;
}

// BEP 6.
const std::string& have_all_message() {
  static const std::string message("\0\0\0\1\x0e", 5);
  return message;
}

void send(lt::peer_connection_handle& peer, const std::string& bytes) {
  if (peer.native_handle() && !peer.is_disconnecting()) peer.send_buffer(bytes.data(), static_cast<int>(bytes.size()));
}

/// BEP 10.
std::string extended_message(std::uint8_t id, const std::string& body) {
  return big_endian(static_cast<std::uint32_t>(2 + body.size())) + '\x14' + static_cast<char>(id) + body;
}

/// libtorrent ends connections for these reasons when both ends only upload.
bool is_of_complete(const lt::error_code& why) {
  return why == lt::errors::make_error_code(lt::errors::upload_upload_connection) ||
         why == lt::errors::make_error_code(lt::errors::torrent_finished);
}

/// Another extended handshake: how many requests may wait here.
std::string request_limit_message(unsigned limit) { return extended_message(0, "d4:reqqi" + std::to_string(limit) + "ee"); }

/// The same on every machine.
std::uint64_t number_of(const NodeId& machine) { return crypto::sha256(machine.str()).leading(); }

class PeerGrants;

/// The state that the connections of a torrent share.
struct Rationing {
  Rationing(const lt::torrent_handle& t, GrantRole r, mesh::Mesh& m, const Clock& c) : torrent(t), role(r), mesh(m), clock(c) {}

  using Pieces = lt::typed_bitfield<lt::piece_index_t>;

  void start();
  void start_sharing(const Pieces& have);
  void start_granting(const Pieces& have);
  void give();
  void ask_to_show();
  bool has(GrantPolicy::Piece piece) const { return piece < pieces && torrent.have_piece(lt::piece_index_t(static_cast<int>(piece))); }
  void update_peer_kinds();
  bool may_change();
  void wish(const std::vector<GrantPolicy::Piece>& pieces);

  lt::torrent_handle torrent;
  const GrantRole role;
  mesh::Mesh& mesh;
  const Clock& clock;
  GrantPolicy::Piece pieces = 0;
  bool complete = false;                // this machine lacks nothing
  std::optional<GrantPolicy> policy;    // none while there is nothing to ration
  std::optional<SiteShare> share;       // none while there is nothing to fetch, or where the site is not known
  bool has_near = false;                // nodes of its own site, or of none, among those that the policy knows
  std::set<GrantPolicy::Piece> wished;  // by readers of this machine, which lacks them
  SteadyTime changing_since{};
  int changes = 0;  // since then
  std::map<GrantPolicy::Peer, PeerGrants*> connections;
  std::map<SiteShare::Link, PeerGrants*> site_links;
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
    handshake[key]["v"] = grant_version;
    handshake[key]["source"] = shared_->policy ? 1 : 0;
    if (!shared_->role.site.empty()) handshake[key]["site"] = shared_->role.site;
    handshake["m"][show_key] = show_id;
    promised_ = shared_->policy.has_value();
    is_told_ = shared_->complete;
  }

  bool on_extension_handshake(const lt::bdecode_node& handshake) override {
    // Later handshakes change what they name, and nothing else (BEP 10).
    const auto said = read_grant_hello(handshake);
    if (!said) return true;
    speaks_ = true;
    source_ = said->source;
    site_ = said->site;
    show_id_ = said->show_id;
    tell_wishes({shared_->wished.begin(), shared_->wished.end()});
    return true;
  }

  // What a source says it has goes no further, nor what a far machine has. To a machine that lacks nothing nothing is hidden: libtorrent
  // dials a peer again and again for as long as it does not know that the peer is complete.
  bool on_have_all() override {
    if (shared_->complete && std::exchange(said_what_it_has_, true)) {
      say_complete();
      return false;
    }
    lt::typed_bitfield<lt::piece_index_t> all(static_cast<int>(shared_->pieces), true);
    return on_bitfield(all);
  }
  bool on_bitfield(const lt::bitfield& bits) override {
    said_what_it_has_ = true;
    join();
    std::vector<GrantPolicy::Piece> ours;
    for (int i = 0; i < bits.size(); ++i)
      if (const auto piece = static_cast<GrantPolicy::Piece>(i); bits[i] && has_from_the_start(piece) && is_hidden()) ours.push_back(piece);
    shared_->give();
    request_show(ours);
    return !shared_->complete && (source_ || is_hidden());
  }
  bool on_have_none() override {
    said_what_it_has_ = true;
    join();
    shared_->give();
    return false;
  }
  bool on_have(lt::piece_index_t index) override {
    const auto piece = static_cast<GrantPolicy::Piece>(static_cast<int>(index));
    if (id_) shared_->policy->note_has(*id_, piece, now());
    const bool seen = !link_ || asked_.erase(piece) > 0 || shared_->share->note_has(*link_, piece);
    shared_->give();
    return !seen && !shared_->complete;
  }

  bool on_extended(int length, int message, lt::span<const char> body) override {
    if (message != show_id) return false;
    // Called for each part that arrives, and with the whole at last.
    if (body.size() == length) answer_show(read_show({body.data(), static_cast<std::size_t>(length)}));
    return true;
  }
  bool on_dont_have(lt::piece_index_t) override { return false; }

  bool on_request(const lt::peer_request&) override {
    ++requests_;
    return false;
  }
  void sent_piece(const lt::peer_request&) override { answered(); }
  void sent_reject_request(const lt::peer_request&) override { answered(); }

  void sent_have(lt::piece_index_t) override {
    // A source wants nothing. What it waits for is the word of a piece that it granted (see completed); other words may come together.
    if (speaks_ && !source_ && is_idle()) send(peer_, nudge_message());
  }

  /// This machine has the piece. libtorrent tells those who lack it; a source that granted it waits for the word too.
  void completed(lt::piece_index_t piece) {
    if (source_ && peer_.has_piece(piece)) send(peer_, have_message(static_cast<std::uint32_t>(static_cast<int>(piece))) + push_message());
  }

  bool can_disconnect(const lt::error_code& why) override {
    const bool is_dull = why == lt::errors::make_error_code(lt::errors::uninteresting_upload_peer);
    // Two machines that are complete end their link only when each knows it of the other (see tick), or each would dial again.
    if (is_of_complete(why) || (is_dull && shared_->complete)) return !speaks_ && said_what_it_has_;
    // Who shows nothing at the moment, or is shown little of what it has, is not one that has nothing.
    return !((source_ || is_hidden()) && is_dull);
  }

  void on_disconnect(const lt::error_code&) override {
    if (is_useless()) shared_->mesh.rest(from_engine(peer_.remote()));
    leave();
    shared_->give();
  }
  void sent_payload(int bytes) override { sent_ += static_cast<ByteCount>(bytes); }
  void tick() override {
    update_kind();
    shared_->give();
    const auto round_trip = shared_->mesh.round_trip(from_engine(peer_.remote())).value_or(std::chrono::microseconds(0));
    const auto limit = request_limit_.after_second(std::exchange(sent_, 0), round_trip);
    if (limit && speaks_) send(peer_, request_limit_message(*limit));
    end_when_useless();
  }

  /// This machine has become complete. A peer that is complete too answers the same.
  void meet_complete() {
    if (peer_.upload_only()) say_complete();
  }

  /// What knew this connection is gone.
  void forget() {
    id_.reset();
    link_.reset();
  }
  bool is_near_node() const { return id_ && !source_ && speaks_ && !is_far(); }
  /// Adapts the peer's kind after near nodes have come or gone. A far peer that others keep feeding stays far.
  void update_kind() {
    if (!id_ || !is_far()) return;
    const PeerKind before = shared_->policy->kind(*id_);
    if (before == kind() || (before != PeerKind::node && before != PeerKind::far)) return;
    if ((before == PeerKind::far && shared_->policy->is_fed(*id_, now())) || !shared_->may_change()) return;
    shared_->connections.erase(*id_);
    id_ = shared_->policy->change(*id_, kind(), now());
    shared_->connections[*id_] = this;
  }
  /// Asks a source to grant these before others. A source that is older than wishes takes no notice.
  void tell_wishes(const std::vector<GrantPolicy::Piece>& pieces) {
    std::string body;
    for (const auto piece : pieces)
      if (body.size() < most_shown * index_size && !shared_->has(piece)) body += big_endian(piece);
    if (source_ && show_id_ > 0 && !body.empty()) send(peer_, extended_message(show_id_, body));
  }
  /// Asks for word of pieces that were hidden.
  void request_show(const std::vector<GrantPolicy::Piece>& pieces) {
    std::string body;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      asked_.insert(pieces[i]);
      note_sent(peer_, PeerTally::Kind::show, pieces[i]);
      body += big_endian(pieces[i]);
      if (i + 1 < pieces.size() && body.size() < most_shown * index_size) continue;
      send(peer_, extended_message(show_id_, body));
      body.clear();
    }
  }
  void grant(GrantPolicy::Piece piece) {
    note_sent(peer_, PeerTally::Kind::grant, piece);
    send(peer_, have_message(piece) + (is_idle() ? nudge_message() : push_message()));
  }

 private:
  SteadyTime now() const { return shared_->clock.steady_now(); }

  /// Nothing is on its way to the peer that would make it look for more.
  bool is_idle() { return requests_ == 0 && !peer_.is_choked(); }
  void answered() { requests_ -= requests_ > 0 ? 1 : 0; }

  /// What the other knows from each `have` is not enough: none was sent for a piece that it had itself.
  void say_complete() {
    if (!speaks_ || std::exchange(said_complete_, true)) return;
    send(peer_, have_all_message());
    is_told_ = true;
  }
  bool is_useless() const { return shared_->complete && peer_.is_seed(); }
  void end_when_useless() {
    if (shared_->complete && !(peer_.is_seed() && is_told_)) meet_complete();
    useless_ticks_ = speaks_ && is_useless() ? useless_ticks_ + 1 : 0;
    if (useless_ticks_ >= linger_ticks)
      peer_.disconnect(lt::errors::make_error_code(lt::errors::upload_upload_connection), lt::operation_t::bittorrent);
  }

  bool is_far() const { return !site_.empty() && !shared_->role.site.empty() && site_ != shared_->role.site; }
  bool is_near() const { return !site_.empty() && site_ == shared_->role.site; }
  /// Far, and what it has is known to the share of the site.
  bool is_hidden() const { return link_ && is_far(); }
  PeerKind kind() const {
    if (!speaks_) return PeerKind::plain;
    if (source_) return PeerKind::source;
    return is_far() && shared_->has_near ? PeerKind::far : PeerKind::node;
  }

  void join() {
    if (!link_ && shared_->share) join_site();
    if (id_ || !shared_->policy || !promised_) return;
    id_ = shared_->policy->join(kind(), now());
    shared_->connections[*id_] = this;
    shared_->update_peer_kinds();
  }
  void join_site() {
    // A source shows what is to be fetched from it; who cannot be asked to show is not hidden.
    if (is_far() && !source_ && show_id_ > 0) link_ = shared_->share->join_far();
    const auto whom = shared_->mesh.whom(from_engine(peer_.remote()));
    if (is_near() && whom) link_ = shared_->share->join_near(number_of(whom->peer));
    if (link_) shared_->site_links[*link_] = this;
  }
  /// Whether it is for this machine to fetch it from there.
  bool has_from_the_start(GrantPolicy::Piece piece) {
    if (id_) shared_->policy->note_brought(*id_, piece);
    return !link_ || shared_->share->note_has(*link_, piece);
  }
  /// The peer wants to hear which of these are here.
  void answer_show(const std::vector<GrantPolicy::Piece>& pieces) {
    if (shared_->policy) return take_wishes(pieces);  // it will be granted what it is to have
    std::string words;
    for (const auto piece : pieces)
      if (shared_->has(piece)) words += have_message(piece);
    if (!words.empty()) send(peer_, words + (is_idle() ? nudge_message() : std::string()));
  }
  void take_wishes(const std::vector<GrantPolicy::Piece>& pieces) {
    for (const auto piece : pieces)
      if (id_) shared_->policy->wish(*id_, piece);
    shared_->give();
  }
  void leave() {
    if (link_ && shared_->share) {
      shared_->share->leave(*link_);
      shared_->site_links.erase(*link_);
      link_.reset();
    }
    if (!id_ || !shared_->policy) return;
    shared_->policy->leave(*id_, now());
    shared_->connections.erase(*id_);
    id_.reset();
    shared_->update_peer_kinds();
  }

  const std::shared_ptr<Rationing> shared_;
  lt::peer_connection_handle peer_;
  std::optional<GrantPolicy::Peer> id_;  // in the policy
  std::optional<SiteShare::Link> link_;  // in the share
  std::set<GrantPolicy::Piece> asked_;   // and not answered yet
  RequestLimit request_limit_;
  ByteCount sent_ = 0;     // payload, since the last tick
  unsigned requests_ = 0;  // that the peer made and that are not answered yet
  bool promised_ = false;  // our handshake said that we ration
  bool speaks_ = false;
  bool source_ = false;
  bool said_what_it_has_ = false;  // the peer did
  bool is_told_ = false;           // that this machine is complete
  bool said_complete_ = false;     // since the handshake
  int useless_ticks_ = 0;          // since both are complete
  std::string site_;
  std::uint8_t show_id_ = 0;  // of the message, when it goes there; 0: it does not take it
};

/// Also after a check that was asked for because pieces were lost.
void Rationing::start() {
  for (auto& [id, connection] : connections) connection->forget();
  for (auto& [link, connection] : site_links) connection->forget();
  connections.clear();
  site_links.clear();
  policy.reset();
  share.reset();
  const lt::torrent_status status = torrent.status(lt::torrent_handle::query_pieces);
  pieces = static_cast<GrantPolicy::Piece>(status.pieces.size());
  if (!status.is_seeding && !role.site.empty()) start_sharing(status.pieces);
  if (role.grants && 2 * status.pieces.count() >= status.pieces.size()) start_granting(status.pieces);
}

void Rationing::start_sharing(const Pieces& have) {
  share.emplace(pieces, number_of(role.self), clock.steady_now());
  for (const lt::piece_index_t i : have.range())
    if (have[i]) share->note_own(static_cast<SiteShare::Piece>(static_cast<int>(i)), clock.steady_now());
}

void Rationing::start_granting(const Pieces& have) {
  const auto piece_length = static_cast<ByteCount>(torrent.torrent_file()->piece_length());
  policy.emplace(pieces, role.order, role.seed, std::max<std::size_t>(fewest_under_way, role.under_way / piece_length), role.first);
  for (const lt::piece_index_t i : have.range()) policy->set_held(static_cast<GrantPolicy::Piece>(static_cast<int>(i)), have[i]);
}

void Rationing::give() {
  if (share) ask_to_show();
  if (!policy) return;
  for (const auto& grant : policy->next(clock.steady_now())) connections.at(grant.peer)->grant(grant.piece);
}

void Rationing::ask_to_show() {
  std::map<SiteShare::Link, std::vector<SiteShare::Piece>> wanted;
  for (const auto& [link, piece] : share->next(clock.steady_now())) wanted[link].push_back(piece);
  for (const auto& [link, those] : wanted) site_links.at(link)->request_show(those);
}

/// A peer has joined or left.
void Rationing::update_peer_kinds() {
  const auto is_near = [](const auto& known) { return known.second->is_near_node(); };
  has_near = std::any_of(connections.begin(), connections.end(), is_near);
  for (PeerGrants* connection : all) connection->update_kind();
}

void Rationing::wish(const std::vector<GrantPolicy::Piece>& more) {
  for (const auto piece : more)
    if (wished.size() < most_shown && piece < pieces) wished.insert(piece);
  for (PeerGrants* connection : all) connection->tell_wishes(more);
}

bool Rationing::may_change() {
  const SteadyTime now = clock.steady_now();
  if (now - changing_since >= std::chrono::seconds(1)) changes = 0;
  if (changes == 0) changing_since = now;
  return changes++ < changes_a_second;
}

class TorrentGrants final : public lt::torrent_plugin {
 public:
  TorrentGrants(const lt::torrent_handle& torrent, GrantRole role, mesh::Mesh& mesh, const Clock& clock)
      : shared_(std::make_shared<Rationing>(torrent, role, mesh, clock)) {
    if (!role.wishes) return;
    role.wishes->tell = [weak = std::weak_ptr(shared_)](const std::vector<GrantPolicy::Piece>& pieces) {
      if (auto shared = weak.lock()) shared->wish(pieces);
    };
  }

  std::shared_ptr<lt::peer_plugin> new_connection(const lt::peer_connection_handle& peer) override {
    return std::make_shared<PeerGrants>(shared_, peer);
  }
  void on_files_checked() override { shared_->start(); }
  void on_state(lt::torrent_status::state_t state) override {
    shared_->complete = state == lt::torrent_status::finished || state == lt::torrent_status::seeding;
    if (!shared_->complete) return;
    for (PeerGrants* connection : shared_->all) connection->meet_complete();
  }
  void on_piece_pass(lt::piece_index_t piece) override {
    const auto index = static_cast<GrantPolicy::Piece>(static_cast<int>(piece));
    shared_->wished.erase(index);
    if (shared_->policy) shared_->policy->set_held(index, true);
    if (shared_->share) shared_->share->note_own(index, shared_->clock.steady_now());
    for (PeerGrants* connection : shared_->all) connection->completed(piece);
  }

 private:
  const std::shared_ptr<Rationing> shared_;
};

}  // namespace

std::shared_ptr<lt::torrent_plugin> grants(const lt::torrent_handle& torrent, GrantRole role, mesh::Mesh& mesh, const Clock& clock) {
  return std::make_shared<TorrentGrants>(torrent, role, mesh, clock);
}

}  // namespace shoal::swarm
