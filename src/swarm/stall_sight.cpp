#include "swarm/stall_sight.hpp"

#include <libtorrent/peer_info.hpp>
#include <libtorrent/torrent_status.hpp>

#include <algorithm>

namespace shoal::swarm {
namespace {

using Pieces = lt::typed_bitfield<lt::piece_index_t>;

bool has_something_else(const Pieces& theirs, const Pieces& ours) {
  for (const lt::piece_index_t piece : theirs.range())
    if (theirs[piece] && (piece >= ours.end_index() || !ours[piece])) return true;
  return false;
}

bool waits_for_disk(const lt::peer_info& peer) { return bool(peer.read_state & lt::peer_info::bw_disk); }

void count(StallSight& sight, const lt::peer_info& peer, const Pieces& ours, const mesh::Mesh& mesh) {
  fanout::StallFacts& facts = sight.facts;
  if (peer.flags & lt::peer_info::connecting) return;
  if (peer.flags & lt::peer_info::handshake) {
    ++facts.greeting;
    return;
  }
  const mesh::VirtualEndpoint endpoint = from_engine(peer.ip);
  const auto whom = mesh.whom(endpoint);
  const bool source = whom && whom->role == identity::Role::seeder, useful = has_something_else(peer.pieces, ours);
  ++facts.connected;
  facts.sources += source ? 1 : 0;
  facts.useful += useful ? 1 : 0;
  facts.asked += useful && peer.download_queue_length > 0 ? 1 : 0;
  facts.choking += useful && (peer.flags & lt::peer_info::remote_choked) ? 1 : 0;
  facts.disk_busy |= waits_for_disk(peer);
  if (peer.payload_up_speed > 0) return;
  sight.idle.push_back(endpoint);
  if (source || useful) sight.idle_useful.push_back(endpoint);
}

/// All blocks of a piece are here, and it is neither right nor wrong: it is not hashed and written yet.
bool has_piece_in_the_works(const lt::torrent_handle& torrent) {
  const auto queue = torrent.get_download_queue();
  return std::any_of(queue.begin(), queue.end(),
                     [](const lt::partial_piece_info& piece) { return piece.finished + piece.writing == piece.blocks_in_piece; });
}

}  // namespace

StallSight look_at(const lt::torrent_handle& torrent, const mesh::Mesh& mesh) {
  StallSight sight;
  const lt::torrent_status status = torrent.status(lt::torrent_handle::query_pieces);
  sight.facts.checking = status.state == lt::torrent_status::checking_files || status.state == lt::torrent_status::checking_resume_data;
  sight.checked = sight.facts.checking ? status.progress_ppm : 0;
  if (status.errc) sight.facts.disk_problem = status.errc.message();
  sight.facts.disk_busy = status.is_finished || has_piece_in_the_works(torrent);
  std::vector<lt::peer_info> peers;
  torrent.get_peer_info(peers);
  for (const lt::peer_info& peer : peers) count(sight, peer, status.pieces, mesh);
  return sight;
}

}  // namespace shoal::swarm
