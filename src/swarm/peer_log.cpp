#include "swarm/peer_log.hpp"

#include <libtorrent/bdecode.hpp>
#include <libtorrent/bitfield.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/peer_request.hpp>

#include <string>
#include <utility>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "swarm/grants.hpp"

namespace shoal::swarm {
namespace {

constexpr const char* plugin_type = "shoal_log";
constexpr std::size_t longest_text = 64;  // of what a peer says of itself

using Kind = PeerTally::Kind;
using Way = PeerTally::Way;

std::uint32_t number(lt::piece_index_t piece) { return static_cast<std::uint32_t>(static_cast<int>(piece)); }

class PeerLog final : public lt::peer_plugin {
 public:
  PeerLog(const mesh::Mesh& mesh, const InfoHash& content, const lt::peer_connection_handle& peer) : content_(content) {
    // Asked now: the mesh forgets whom an endpoint stood for.
    if (const auto whom = mesh.whom(from_engine(peer.remote()))) peer_ = whom->peer.str();
  }

  lt::string_view type() const override { return plugin_type; }
  /// The engine hands out its plugins as constant; counting changes nothing that it sees.
  PeerTally& tally() const { return tally_; }

  bool on_handshake(lt::span<const char>) override {
    spoke_ = true;
    return true;
  }

  bool on_extension_handshake(const lt::bdecode_node& handshake) override {
    // Later ones change single members, such as how many requests may wait.
    if (handshake.type() != lt::bdecode_node::dict_t || std::exchange(introduced_, true)) return true;
    const lt::bdecode_node grants = handshake.dict_find_dict(grant_key);
    source_ = grants && grants.dict_find_int_value("source") == 1;
    if (!is_on()) return true;
    write("peer_handshake", {{"source", source_  ? "yes"
                                        : grants ? "no"
                                                 : "unknown"},
                             {"site", text(grants ? grants.dict_find_string_value("site") : lt::string_view())},
                             {"client", text(handshake.dict_find_string_value("v"))},
                             {"requests_that_may_wait", handshake.dict_find_int_value("reqq")}});
    return true;
  }

  bool on_bitfield(const lt::bitfield& bits) override {
    return says_it_has(std::to_string(bits.count()) + " of " + std::to_string(bits.size()));
  }
  bool on_have_all() override { return says_it_has("all"); }
  bool on_have_none() override { return says_it_has("none"); }

  bool on_have(lt::piece_index_t piece) override { return count(source_ ? Kind::grant : Kind::have, Way::received, piece); }
  bool on_request(const lt::peer_request& request) override { return count(Kind::request, Way::received, request.piece); }
  bool on_piece(const lt::peer_request& block, lt::span<const char>) override { return count(Kind::block, Way::received, block.piece); }
  bool on_reject(const lt::peer_request& request) override { return count(Kind::reject, Way::received, request.piece); }
  bool on_cancel(const lt::peer_request& request) override { return count(Kind::cancel, Way::received, request.piece); }
  bool on_choke() override { return count(Kind::choke, Way::received); }
  bool on_unchoke() override { return count(Kind::unchoke, Way::received); }

  void sent_have(lt::piece_index_t piece) override { count(Kind::have, Way::sent, piece); }
  void sent_request(const lt::peer_request& request) override { count(Kind::request, Way::sent, request.piece); }
  void sent_piece(const lt::peer_request& block) override { count(Kind::block, Way::sent, block.piece); }
  void sent_reject_request(const lt::peer_request& request) override { count(Kind::reject, Way::sent, request.piece); }
  void sent_cancel(const lt::peer_request& request) override { count(Kind::cancel, Way::sent, request.piece); }
  void sent_choke() override { count(Kind::choke, Way::sent); }
  void sent_unchoke() override { count(Kind::unchoke, Way::sent); }

  void tick() override { write_counts(); }
  void on_disconnect(const lt::error_code& why) override {
    write_counts();
    if (is_on()) write("peer_closed", {{"reason", why.message()}, {"handshake", spoke_ ? "yes" : "no"}});
  }

 private:
  static bool is_on() { return log::writes(log::Level::debug); }
  static std::string text(lt::string_view from_peer) { return printable({from_peer.data(), from_peer.size()}, longest_text); }

  bool count(Kind kind, Way way) {
    tally_.add(kind, way);
    return false;
  }
  bool count(Kind kind, Way way, lt::piece_index_t piece) {
    tally_.add(kind, way, number(piece));
    return false;
  }

  /// Only the first time: where a plugin keeps it from libtorrent, that takes the first `have` for the end of a have_none.
  bool says_it_has(const std::string& pieces) {
    if (!std::exchange(said_pieces_, true) && is_on()) write("peer_pieces", {{"has", pieces}});
    return false;
  }

  void write_counts() {
    auto grants = tally_.take_grants(), traffic = tally_.take_traffic();
    if (!is_on()) return;
    if (!grants.empty()) write("peer_grants", std::move(grants));
    if (!traffic.empty()) write("peer_traffic", std::move(traffic));
  }

  void write(std::string_view event, std::vector<log::Field> fields) {
    fields.insert(fields.begin(), {log::Field("machine", peer_), log::Field("info_hash", content_.hex())});
    log::debug_of(peer_, event, std::span<const log::Field>(fields));
  }

  const InfoHash content_;
  std::string peer_ = "unknown";
  mutable PeerTally tally_;
  bool spoke_ = false;
  bool introduced_ = false;
  bool said_pieces_ = false;
  bool source_ = false;
};

class TorrentLog final : public lt::torrent_plugin {
 public:
  TorrentLog(const mesh::Mesh& mesh, const InfoHash& content) : mesh_(mesh), content_(content) {}
  std::shared_ptr<lt::peer_plugin> new_connection(const lt::peer_connection_handle& peer) override {
    return std::make_shared<PeerLog>(mesh_, content_, peer);
  }

 private:
  const mesh::Mesh& mesh_;
  const InfoHash content_;
};

}  // namespace

std::shared_ptr<lt::torrent_plugin> peer_log(const mesh::Mesh& mesh, const InfoHash& content) {
  return std::make_shared<TorrentLog>(mesh, content);
}

void note_sent(const lt::peer_connection_handle& peer, PeerTally::Kind what, std::uint32_t piece) {
  if (!log::writes(log::Level::debug) || !peer.native_handle()) return;
  if (const auto* log = static_cast<const PeerLog*>(peer.find_plugin(plugin_type))) log->tally().add(what, Way::sent, piece);
}

}  // namespace shoal::swarm
