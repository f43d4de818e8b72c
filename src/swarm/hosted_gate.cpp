// What reaches the plugins of one content from other threads, and what its engine has.
#include <libtorrent/bitfield.hpp>

#include "swarm/hosted_content.hpp"

namespace shoal::swarm {

/// Plugins are made on the network thread; this one is only made to get there.
void HostedContent::on_network_thread(std::function<void()> work) const {
  try {
    handle().add_extension([work = std::move(work)](const lt::torrent_handle&, lt::client_data_t) {
      work();
      return std::shared_ptr<lt::torrent_plugin>();
    });
  } catch (const lt::system_error&) {}  // the content has gone meanwhile
}

void HostedContent::on_gate(void (DecidingWatch::*call)()) const {
  if (gate_) on_network_thread([gate = gate_, call] { ((*gate).*call)(); });
}

void HostedContent::hurry(const std::vector<std::uint32_t>& pieces) const {
  std::vector<std::pair<lt::piece_index_t, lt::download_priority_t>> first;
  for (const std::uint32_t piece : pieces) first.emplace_back(static_cast<int>(piece), lt::top_priority);
  try {
    handle().prioritize_pieces(first);
  } catch (const lt::system_error&) {}  // as above
  on_network_thread([wishes = wishes_, pieces] {
    if (wishes->tell) wishes->tell(pieces);
  });
}

void HostedContent::open_gate() const { on_gate(&DecidingWatch::open); }
void HostedContent::look_at_gate() const { on_gate(&DecidingWatch::look); }

std::vector<bool> HostedContent::pieces() const {
  std::vector<bool> have;
  try {
    const lt::torrent_status status = handle().status(lt::torrent_handle::query_pieces);
    for (const lt::piece_index_t piece : status.pieces.range()) have.push_back(status.pieces[piece]);
  } catch (const lt::system_error&) {}  // as above
  return have;
}

}  // namespace shoal::swarm
