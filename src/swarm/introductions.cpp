#include "swarm/introductions.hpp"

namespace shoal::swarm {
void Introductions::open(const std::shared_ptr<HostedContent>& content) {
  // Weak, because the mesh may call while the content is being removed. A link of a banned machine is not taken; the mesh ends it.
  mesh_.serve(content->id(), [weak = std::weak_ptr(content), bans = bans_, &clock = clock_](const NodeId& peer, const InfoHash&,
                                                                                            mesh::VirtualEndpoint endpoint) {
    auto alive = weak.lock();
    if (alive && !bans->is_banned(peer, alive->id(), clock.steady_now())) alive->connect(endpoint);
  });
}

void Introductions::introduce(const HostedContent& content, const std::vector<registry::AnnouncedPeer>& peers) {
  for (const auto& peer : peers) {
    if (peer.id == self_ || bans_->is_banned(peer.id, content.id(), clock_.steady_now())) continue;
    content.connect(mesh_.introduce(peer.id, content.id(), peer.address));
  }
}

void Introductions::meet_again(const HostedContent& content) {
  // Under new endpoints: libtorrent does not dial a peer that it knew as a seed when the torrent itself was one.
  for (const mesh::VirtualEndpoint endpoint : mesh_.wake(content.id())) content.connect(endpoint);
}

}  // namespace shoal::swarm
