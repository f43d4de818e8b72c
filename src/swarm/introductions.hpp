// Brings peers to the engine: those that the tracker names, and those that dialled us.
#pragma once

#include <memory>
#include <set>

#include "swarm/hosted_content.hpp"

namespace shoal::swarm {

/// Machines that were caught lying, for the life of the process. Thread-safe.
class Shunned {
 public:
  void add(const NodeId& node);
  bool contains(const NodeId& node) const;

 private:
  Guarded<std::set<NodeId>> nodes_;
};

/// Thread-safe. The mesh must outlive it; callbacks that it gives to the mesh do not need it.
class Introductions {
 public:
  Introductions(mesh::Mesh& mesh, NodeId self) : mesh_(mesh), self_(std::move(self)) {}

  /// Links for the content are accepted from now on.
  void open(const std::shared_ptr<HostedContent>& content);
  void close(const InfoHash& content) { mesh_.unserve(content); }
  /// Has the engine dial these peers; to those that are connected nothing happens.
  void introduce(const HostedContent& content, const std::vector<registry::AnnouncedPeer>& peers);
  /// Cuts the machine behind an endpoint and never lets it near the engine again. The machine, if the mesh knows it and it was not banished
  /// before.
  std::optional<NodeId> banish(mesh::VirtualEndpoint endpoint);

 private:
  mesh::Mesh& mesh_;
  const NodeId self_;
  const std::shared_ptr<Shunned> shunned_ = std::make_shared<Shunned>();
};

}  // namespace shoal::swarm
