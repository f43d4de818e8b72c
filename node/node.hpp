// Composition root of a node: every long-lived object, built by hand in dependency order.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "base/guarded.hpp"
#include "member/member_session.hpp"
#include "mesh/mesh.hpp"
#include "node/contents.hpp"
#include "node/shelf.hpp"
#include "node/transfer_view.hpp"
#include "swarm/swarm.hpp"

namespace shoal::node {

/// The release as it lies on the shelf, whole, to be served from there.
Result<swarm::Content> shelved(const member::MemberSession& session, const Shelf& shelf, const ReleaseId& id);

/// Events of one content, handed from the swarm's thread to the one that waits for them. Keeps the newest hundred.
class Inbox {
 public:
  void push(swarm::Event event);
  /// The next event, or nothing when the time is up or a stop is requested.
  std::optional<swarm::Event> wait(std::chrono::milliseconds timeout, const std::stop_token& stop);

 private:
  std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<swarm::Event> events_;
};

struct NodeOptions {
  HostPort listen;
  bool any_port_if_taken = false;
  std::optional<HostPort> advertise = {};
  /// Bytes per second; 0: no limit, no scrub.
  ByteCount upload_limit = 0, scrub_rate = 0, download_limit = 0;
  /// For HTTPS mirrors: see swarm::SwarmOptions.
  std::chrono::milliseconds mirror_after{0};
  std::string mirror_ca = {};
  fanout::StallTimes stall = {};
};

class Node {
 public:
  /// Opens the mesh's port (code `conflict` where it is in use) and starts the engine.
  static Result<std::unique_ptr<Node>> start(member::MemberSession& session, const NodeOptions& node_options);
  /// Ends in the opposite order: engine, mesh.
  ~Node();

  swarm::Swarm& swarm() { return *swarm_; }
  mesh::Mesh& mesh() { return *mesh_; }
  /// Releases come into the swarm and leave it through here.
  Contents& contents() { return *contents_; }
  /// What the swarm says of this content, also before somebody asked. Lives as long as the node.
  Inbox& inbox(const InfoHash& content);
  /// Looks at how a fetch goes, and keeps it for others who ask. Call it several times a second from the thread that waits for the fetch.
  TransferFacts watch(const InfoHash& content, const swarm::Progress& progress, SteadyTime now);
  /// What watch() saw last; nothing where nobody watches.
  TransferFacts transfer(const InfoHash& content) const;

 private:
  Node() = default;

  /// The mesh itself admits only seeders and nodes of the fleet, for content that is served here; a node adds no rule.
  struct Policy final : mesh::LinkPolicy {
    bool may_link(const identity::Certificate&, const InfoHash&) override { return true; }
  };

  struct Watched {
    TransferView view;
    TransferFacts last;
  };

  std::stop_source stop_;
  Guarded<std::map<InfoHash, Watched>> watched_;
  Guarded<std::map<InfoHash, std::unique_ptr<Inbox>>> inboxes_;
  Policy policy_;
  std::unique_ptr<mesh::Mesh> mesh_;
  std::unique_ptr<swarm::Swarm> swarm_;
  std::unique_ptr<Contents> contents_;
};

}  // namespace shoal::node
