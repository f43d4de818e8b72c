// Links between machines: mutual TLS 1.3 on the network, a SOCKS5 front on loopback for the BitTorrent engine.
// docs/architecture.md, "The mesh", tells the life of a link.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mesh/link_types.hpp"

namespace shoal::mesh {

struct MeshOptions {
  HostPort listen{"::", 0};
  bool any_port_if_taken = false;             // for a command that ends soon, beside a service that has the port
  std::chrono::milliseconds handshake{5000};  // TCP connect + TLS + the first 48 bytes
  std::chrono::milliseconds idle{180000};     // no byte in either direction
  std::size_t unfinished_handshakes = 256;    // inbound, over all addresses; more wait in the listen queue or are closed
  std::size_t links = 2000;
  unsigned threads = 2;
};

/// Owns its threads, sockets and links; ends them in the destructor. All calls are thread-safe.
class Mesh {
 public:
  using Accepted = mesh::Accepted;

  static Result<std::unique_ptr<Mesh>> start(MeshOptions options, const identity::CredentialStore& credentials, LinkPolicy& policy,
                                             const Clock& clock);
  virtual ~Mesh() = default;

  virtual std::uint16_t port() const = 0;
  virtual const SocksFront& front() const = 0;

  /// Takes part in a swarm: links for this info-hash are accepted from now on.
  virtual void serve(const InfoHash& info_hash, Accepted accepted) = 0;
  /// Leaves it: its links are cut. The callback does not run any more when this returns, so it must not be called while holding a lock
  /// that the callback takes.
  virtual void unserve(const InfoHash& info_hash) = 0;
  /// What the engine should dial to reach `peer` at `address`; a later call with another address replaces the first.
  /// The link lives only if the certificate it shows names `peer`. The host is an IP literal. {0, 0} when all addresses or ports are
  /// in use (4 million machines, 64512 info-hashes).
  virtual VirtualEndpoint introduce(const NodeId& peer, const InfoHash& info_hash, const HostPort& address) = 0;
  /// Whom a virtual endpoint stands for, and, once a link was made, in which role.
  struct Whom {
    NodeId peer;
    InfoHash info_hash;
    std::optional<identity::Role> role;
  };
  virtual std::optional<Whom> whom(VirtualEndpoint endpoint) const = 0;
  /// The engine has learnt that this machine is complete, as this one is, and does not dial the endpoint any more. When the machine calls,
  /// it is introduced under another endpoint at once.
  virtual void rest(VirtualEndpoint endpoint) = 0;
  /// This machine lacks something of the content again: what the engine should dial to reach the machines that rest.
  virtual std::vector<VirtualEndpoint> wake(const InfoHash& info_hash) = 0;
  /// The shortest round trip on the link that the endpoint stands for, as the kernel saw it in the last minutes; nothing where there is no
  /// link or none was measured.
  virtual std::optional<std::chrono::microseconds> round_trip(VirtualEndpoint endpoint) const = 0;

  /// These machines may not link any more, whatever certificate they show, and links that they have end. Replaces what was said before.
  virtual void refuse(const std::vector<NodeId>& machines) = 0;
  /// Ends all links of a machine at once.
  virtual void cut(const NodeId& peer) = 0;
  /// Ends the link with a machine for one content, so that it is made anew.
  virtual void renew(const NodeId& peer, const InfoHash& info_hash) = 0;
  /// Asks the policy again about every link and cuts those that it refuses or whose certificate has expired. Runs every two seconds by
  /// itself while there are links. A link lives as long as the certificate that was shown when it was made: renewal, a third of the life
  /// earlier, drops nothing; when the old certificate expires, the link is cut and the engine's next dial shows the new one.
  virtual void recheck() = 0;

  virtual std::vector<LinkCounters> links() const = 0;
  virtual std::map<identity::Role, LinkTotals> link_totals() const = 0;
  virtual MeshCounters counters() const = 0;
};

}  // namespace shoal::mesh
