#include "swarm/unread_guard.hpp"

#include <libtorrent/peer_connection_handle.hpp>
#include <libtorrent/peer_info.hpp>
#include <libtorrent/peer_request.hpp>
#include <libtorrent/torrent_info.hpp>

#include <algorithm>

#include "base/log.hpp"
#include "fanout/unread_limit.hpp"

namespace shoal::swarm {
namespace {

/// What a peer may send between two looks. Our answers are two or three times as long at most.
constexpr ByteCount look_every = 32 * KiB;
/// A message without a body: length and id.
constexpr ByteCount bare_message = 5;

class PeerUnread final : public lt::peer_plugin {
 public:
  PeerUnread(lt::peer_connection_handle peer, std::size_t pieces, const mesh::Mesh& mesh, const Clock& clock)
      : peer_(std::move(peer)), limit_(pieces), mesh_(mesh), clock_(clock) {}

  bool on_choke() override { return came(0); }
  bool on_unchoke() override { return came(0); }
  bool on_interested() override { return came(0); }
  bool on_not_interested() override { return came(0); }
  bool on_have(lt::piece_index_t) override { return came(sizeof(std::uint32_t)); }
  bool on_dont_have(lt::piece_index_t) override { return came(sizeof(std::uint32_t)); }
  bool on_bitfield(const lt::bitfield& bits) override { return came(static_cast<ByteCount>(bits.num_words()) * sizeof(std::uint32_t)); }
  bool on_have_all() override { return came(0); }
  bool on_have_none() override { return came(0); }
  bool on_allowed_fast(lt::piece_index_t) override { return came(sizeof(std::uint32_t)); }
  bool on_request(const lt::peer_request&) override { return came(3 * sizeof(std::uint32_t)); }
  bool on_cancel(const lt::peer_request&) override { return came(3 * sizeof(std::uint32_t)); }
  bool on_reject(const lt::peer_request&) override { return came(3 * sizeof(std::uint32_t)); }
  bool on_suggest(lt::piece_index_t) override { return came(sizeof(std::uint32_t)); }
  bool on_extended(int length, int, lt::span<const char> body) override {
    return body.size() < length ? false : came(static_cast<ByteCount>(length));  // called for each part that arrives
  }
  bool on_extension_handshake(const lt::bdecode_node&) override {
    came(look_every / 64);  // its length is not told
    return true;
  }
  bool on_unknown_message(int length, int, lt::span<const char>) override {
    came(static_cast<ByteCount>(length));
    return false;
  }

  void sent_piece(const lt::peer_request& block) override { payload_added_ += static_cast<ByteCount>(block.length); }
  void sent_payload(int bytes) override { payload_sent_ += static_cast<ByteCount>(bytes); }

  void tick() override { act_on(limit_.judge(buffer(), clock_.steady_now())); }

 private:
  /// True once the peer is being disconnected: nobody is to answer any more.
  bool came(ByteCount body) {
    unseen_ += bare_message + body;
    if (unseen_ >= look_every) {
      unseen_ = 0;
      act_on(limit_.judge(buffer()));
    }
    return peer_.is_disconnecting();
  }

  fanout::SendBuffer buffer() const {
    if (!peer_.native_handle() || peer_.is_disconnecting()) return {};
    lt::peer_info info;
    peer_.get_peer_info(info);
    fanout::SendBuffer buffer;
    buffer.waiting = static_cast<ByteCount>(info.used_send_buffer);
    buffer.payload = payload_added_ - std::min(payload_added_, payload_sent_);
    buffer.sent = payload_sent_;
    buffer.on_the_peer = static_cast<bool>(info.write_state & lt::peer_info::bw_network);
    return buffer;
  }

  void act_on(std::optional<const char*> why) {
    if (!why) return;
    const auto whom = mesh_.whom(from_engine(peer_.remote()));
    log::debug("peer_does_not_read", {{"machine", whom ? whom->peer.str() : "?"}, {"reason", *why}});
    peer_.disconnect(boost::system::errc::make_error_code(boost::system::errc::no_buffer_space), lt::operation_t::bittorrent,
                     lt::peer_connection_interface::failure);
  }

  lt::peer_connection_handle peer_;
  fanout::UnreadLimit limit_;
  const mesh::Mesh& mesh_;
  const Clock& clock_;
  ByteCount unseen_ = 0;  // bytes from the peer since the last look
  ByteCount payload_added_ = 0, payload_sent_ = 0;
};

class TorrentUnread final : public lt::torrent_plugin {
 public:
  TorrentUnread(const lt::torrent_handle& torrent, const mesh::Mesh& mesh, const Clock& clock)
      : torrent_(torrent), mesh_(mesh), clock_(clock) {}

  std::shared_ptr<lt::peer_plugin> new_connection(const lt::peer_connection_handle& peer) override {
    const auto info = torrent_.torrent_file();
    return std::make_shared<PeerUnread>(peer, info ? static_cast<std::size_t>(info->num_pieces()) : 0, mesh_, clock_);
  }

 private:
  const lt::torrent_handle torrent_;
  const mesh::Mesh& mesh_;
  const Clock& clock_;
};

}  // namespace

std::shared_ptr<lt::torrent_plugin> unread_guard(const lt::torrent_handle& torrent, const mesh::Mesh& mesh, const Clock& clock) {
  return std::make_shared<TorrentUnread>(torrent, mesh, clock);
}

}  // namespace shoal::swarm
