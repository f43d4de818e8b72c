// What reaches the plugins of one content from other threads, and what its engine has.
#include <libtorrent/bitfield.hpp>

#include "swarm/hosted_content.hpp"

namespace shoal::swarm {

/// Plugins are made on the network thread; this one is only made to get there.
void HostedContent::on_gate(void (DecidingWatch::*call)()) const {
  if (!gate_) return;
  try {
    handle().add_extension([gate = gate_, call](const lt::torrent_handle&, lt::client_data_t) {
      ((*gate).*call)();
      return std::shared_ptr<lt::torrent_plugin>();
    });
  } catch (const lt::system_error&) {}  // the content has gone meanwhile
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
