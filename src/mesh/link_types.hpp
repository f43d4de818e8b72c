// The words of the mesh: what its parts and its users share. mesh.hpp is the class.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/units.hpp"
#include "identity/tls.hpp"

namespace shoal::mesh {

/// A peer as the engine knows it: an address in 127.64.0.0/10 that stands for a machine, and a port that stands
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
  std::uint32_t links = 0;                                   // open now
  std::optional<std::chrono::microseconds> round_trip = {};  // the shortest of the last minutes, on an open link
};

/// Over all links since the mesh started, those that ended too.
struct LinkTotals {
  ByteCount received = 0;  // plain bytes
  ByteCount sent = 0;
  std::uint32_t links = 0;  // open now
};

/// Refusals since the start, by reason.
struct MeshCounters {
  std::uint64_t accepted = 0, dialled = 0;  // links established
  std::uint64_t handshake_failed = 0, handshake_timed_out = 0, refused_by_policy = 0, refused_certificate = 0, over_cap = 0, wrong_peer = 0,
                socks_refused = 0, cut = 0;
  std::uint64_t refused_stream = 0;  // the first 48 bytes are no BitTorrent handshake for content that is served here
};

/// Called on a mesh thread when a link from `peer` for `info_hash` waits to be taken: the engine must dial `endpoint`. Called again
/// four times a second or so while the link waits (two handshake times at most), because an engine that has not yet noticed the end of an
/// earlier connection to `endpoint` may not act on the first call. An engine that does not act on several gets another endpoint that
/// stands for the same machine. Must return soon.
using Accepted = std::function<void(const NodeId& peer, const InfoHash& info_hash, VirtualEndpoint endpoint)>;

}  // namespace shoal::mesh
