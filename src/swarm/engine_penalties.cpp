#include "swarm/engine_penalties.hpp"

#include <libtorrent/torrent_peer.hpp>

namespace shoal::swarm {
namespace {

constexpr int most_trust = 7;

/// nullptr unless the record is laid out as the header says: another build of the library than the one that is compiled against.
lt::torrent_peer* record_of(const lt::peer_connection_handle& peer) {
  const auto connection = peer.native_handle();
  lt::torrent_peer* record = connection ? connection->peer_info_struct() : nullptr;
  if (record == nullptr || record->connection != connection.get() || record->port != peer.remote().port()) return nullptr;
  return record;
}

}  // namespace

void restore_trust(const lt::peer_connection_handle& peer) {
  if (auto* record = record_of(peer)) record->trust_points = most_trust;
}

void lift_ban(const lt::peer_connection_handle& peer) {
  if (auto* record = record_of(peer)) record->banned = false;
}

void ask_whole_pieces(const lt::peer_connection_handle& peer) {
  if (auto* record = record_of(peer)) record->on_parole = true;
}

}  // namespace shoal::swarm
