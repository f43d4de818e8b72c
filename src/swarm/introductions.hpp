// Brings peers to the engine: those that the tracker names, and those that dialled us.
#pragma once

#include <memory>

#include "fanout/bans.hpp"
#include "swarm/hosted_content.hpp"

namespace shoal::swarm {

/// Thread-safe. The mesh must outlive it; callbacks that it gives to the mesh do not need it.
class Introductions {
 public:
  Introductions(mesh::Mesh& mesh, NodeId self, std::shared_ptr<const fanout::Bans> bans, const Clock& clock)
      : mesh_(mesh), self_(std::move(self)), bans_(std::move(bans)), clock_(clock) {}

  /// Links for the content are accepted from now on.
  void open(const std::shared_ptr<HostedContent>& content);
  void close(const InfoHash& content) { mesh_.unserve(content); }
  /// Has the engine dial these peers, but for those that are banned from the content; to those that are connected nothing happens.
  void introduce(const HostedContent& content, const std::vector<registry::AnnouncedPeer>& peers);
  /// The content was complete and lacks something: those that were left alone since are dialled again.
  void meet_again(const HostedContent& content);

 private:
  mesh::Mesh& mesh_;
  const NodeId self_;
  const std::shared_ptr<const fanout::Bans> bans_;
  const Clock& clock_;
};

}  // namespace shoal::swarm
