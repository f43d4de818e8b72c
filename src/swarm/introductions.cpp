#include "swarm/introductions.hpp"

namespace shoal::swarm {
namespace {

/// More liars than this in one fleet need an administrator, not more memory.
constexpr std::size_t most_shunned = 4096;

}  // namespace

void Shunned::add(const NodeId& node) {
  nodes_.with([&](auto& nodes) {
    if (nodes.size() < most_shunned) nodes.insert(node);
  });
}

bool Shunned::contains(const NodeId& node) const {
  return nodes_.with([&](const auto& nodes) { return nodes.contains(node); });
}

void Introductions::open(const std::shared_ptr<HostedContent>& content) {
  // Weak, because the mesh may call while the content is being removed. A link of a shunned machine is not taken; the mesh ends it.
  mesh_.serve(content->id(),
              [weak = std::weak_ptr(content), shunned = shunned_](const NodeId& peer, const InfoHash&, mesh::VirtualEndpoint endpoint) {
                auto alive = weak.lock();
                if (alive && !shunned->contains(peer)) alive->connect(endpoint);
              });
}

void Introductions::introduce(const HostedContent& content, const std::vector<registry::AnnouncedPeer>& peers) {
  for (const auto& peer : peers) {
    if (peer.id == self_ || shunned_->contains(peer.id)) continue;
    content.connect(mesh_.introduce(peer.id, content.id(), peer.address));
  }
}

std::optional<NodeId> Introductions::banish(mesh::VirtualEndpoint endpoint) {
  auto whom = mesh_.whom(endpoint);
  if (!whom) return std::nullopt;
  // The engine may ban what it had asked for before: that is the same lie.
  const bool known = shunned_->contains(whom->peer);
  shunned_->add(whom->peer);
  mesh_.cut(whom->peer);
  if (known) return std::nullopt;
  return whom->peer;
}

}  // namespace shoal::swarm
