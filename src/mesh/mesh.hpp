// Links between machines: mutual TLS 1.3 on the network, a SOCKS5 front on loopback for the BitTorrent engine.
// docs/architecture.md, "The mesh", tells the life of a link.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/units.hpp"
#include "identity/tls.hpp"

namespace shoal::mesh {

/// What the engine believes to be a peer: an address in 127.64.0.0/10 that stands for a machine, and a port that stands
/// for an info-hash. Host byte order.
struct VirtualEndpoint {
  std::uint32_t address = 0;
  std::uint16_t port = 0;
  auto operator<=>(const VirtualEndpoint&) const = default;
};

/// Where the engine finds the front, and the secret (RFC 1929) that keeps other local users out.
struct SocksFront {
  std::uint16_t port = 0;  // on 127.0.0.1
  std::string user;
  std::string password;
};

struct MeshOptions {
  HostPort listen{"0.0.0.0", 0};
  std::chrono::milliseconds handshake{5000};  // TCP connect + TLS + the first 48 bytes
  std::chrono::milliseconds idle{180000};     // no byte in either direction
  std::size_t unfinished_handshakes = 256;    // inbound, over all addresses; more wait in the listen queue or are closed
  std::size_t links = 2000;
  unsigned threads = 2;
};

/// Decides which links may live. Called on mesh threads; must be thread-safe and quick.
class LinkPolicy {
 public:
  virtual ~LinkPolicy() = default;
  /// After the handshake and, inbound, after the first 48 bytes named the info-hash.
  virtual bool may_link(const identity::Certificate& peer, const InfoHash& info_hash) = 0;
};

/// Counters of one machine and one info-hash, over all links between them since the mesh started. Of links that ended only the newest few
/// thousand are kept apart, and none of content that is not served any more.
struct LinkCounters {
  NodeId peer;
  identity::Role role = identity::Role::node;
  InfoHash info_hash;
  ByteCount received = 0;  // plain bytes
  ByteCount sent = 0;
  std::uint32_t links = 0;  // open now
};

/// Over all links since the mesh started, those that ended too.
struct LinkTotals {
  ByteCount received = 0;  // plain bytes
  ByteCount sent = 0;
  std::uint32_t links = 0;  // open now
};

/// Refusals since the start, by reason.
struct MeshCounters {
  std::uint64_t accepted = 0, dialled = 0;  // links that came to life
  std::uint64_t handshake_failed = 0, handshake_timed_out = 0, refused_by_policy = 0, refused_certificate = 0, over_cap = 0, wrong_peer = 0,
                socks_refused = 0, cut = 0;
  std::uint64_t refused_stream = 0;  // the first 48 bytes are no BitTorrent handshake for content that is served here
};

/// Owns its threads, sockets and links; ends them in the destructor. All calls are thread-safe.
class Mesh {
 public:
  /// Called on a mesh thread when a link from `peer` for `info_hash` waits to be taken: the engine must dial `endpoint`. Called again
  /// four times a second or so while the link waits (two handshake times at most), because an engine that has not yet noticed the end of an
  /// earlier connection to `endpoint` may not act on the first call. An engine that does not act on several gets another endpoint that
  /// stands for the same machine. Must return soon.
  using Accepted = std::function<void(const NodeId& peer, const InfoHash& info_hash, VirtualEndpoint endpoint)>;

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
