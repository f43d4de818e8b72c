// Machines with a mesh each, engines and peers that are played by hand: plain blocking sockets with a deadline on every call.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "mesh/mesh.hpp"
#include "support/test_fleet.hpp"

namespace shoal::mesh::lab {

/// Every wait of a test ends after this long; none of them takes as long where the code is right.
inline constexpr std::chrono::seconds patience{30};

/// Polls until it is true; false after `patience`.
bool eventually(const std::function<bool()>& condition);

InfoHash content(unsigned number);
/// 68 bytes (BEP 3): the opening and a peer id of 20 times `mark`.
std::string bt_handshake(const InfoHash& info_hash, char mark = 'x');
/// `size` bytes that differ from place to place and from seed to seed, starting at `offset`.
std::string pattern(unsigned seed, std::size_t offset, std::size_t size);

/// A connected socket whose calls end after `patience`.
class Wire {
 public:
  Wire() = default;
  explicit Wire(UniqueFd fd);
  /// To 127.0.0.1; not connected where nobody listens.
  static Wire connect(std::uint16_t port);

  bool open() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }
  bool send(std::string_view bytes);
  /// Exactly so many bytes, or those that came before the end.
  std::string receive(std::size_t size);
  /// True when the other side ends the stream, whatever comes before.
  bool ends();
  /// Something to read, or the end, is there now.
  bool has_news() const;
  void finish_writing();
  void close() { fd_.reset(); }

 private:
  UniqueFd fd_;
};

/// Where a hand-played peer listens.
class Door {
 public:
  Door();
  std::uint16_t port() const { return port_; }
  /// The next connection.
  Wire accept();

 private:
  UniqueFd fd_;
  std::uint16_t port_ = 0;
};

/// A TLS connection of someone who plays a peer by hand.
class TlsWire {
 public:
  static TlsWire client(const identity::TlsContext& context, std::uint16_t port);
  static TlsWire server(const identity::TlsContext& context, Wire wire);

  bool shake_hands();
  bool send(std::string_view bytes);
  std::string receive(std::size_t size);
  bool ends();
  /// What OpenSSL said last.
  const std::string& error() const { return error_; }
  SSL* ssl() const { return ssl_.get(); }
  Wire& wire() { return wire_; }
  void close() { wire_.close(); }

 private:
  TlsWire(const identity::TlsContext& context, Wire wire, bool accepting);
  bool check(int result);

  Wire wire_;
  std::unique_ptr<SSL, identity::Free<SSL_free>> ssl_;
  std::string error_;
};

/// A policy that a test changes while links live.
class TestPolicy final : public LinkPolicy {
 public:
  bool may_link(const identity::Certificate& peer, const InfoHash&) override { return !refused_.lock()->contains(peer.identity.id); }
  void refuse(const NodeId& peer) { refused_.lock()->insert(peer); }

 private:
  Guarded<std::set<NodeId>> refused_;
};

/// What an engine gets back from the front.
struct Answer {
  Wire wire;
  int code = -1;  // the reply's code; -1 when the front hung up before it
};

/// One machine: credentials, policy, mesh, and the endpoints that wait for its engine.
class Machine {
 public:
  static MeshOptions quick(std::chrono::milliseconds handshake = std::chrono::seconds(5));
  Machine(const test::TestFleet& fleet, unsigned number, MeshOptions options = quick(), identity::Role role = identity::Role::node);

  const NodeId& id() const { return id_; }
  Mesh& mesh() { return *mesh_; }
  HostPort address() const { return {"127.0.0.1", mesh_->port()}; }
  TestPolicy& policy() { return policy_; }
  ManualClock& clock() { return clock_; }
  identity::CredentialStore& credentials() { return store_; }
  void stop() { mesh_.reset(); }

  void serve(const InfoHash& info_hash);
  VirtualEndpoint meet(const Machine& other, const InfoHash& info_hash) { return mesh_->introduce(other.id(), info_hash, other.address()); }
  /// The engine dials.
  Answer dial(VirtualEndpoint endpoint);
  Answer dial(VirtualEndpoint endpoint, const std::string& user, const std::string& password);
  /// An endpoint that the mesh asked the engine to dial; nothing after `patience`.
  std::optional<VirtualEndpoint> next_accepted();
  /// The one of this content.
  std::optional<VirtualEndpoint> next_accepted(const InfoHash& info_hash);
  bool nothing_accepted() const { return accepted_->lock()->empty(); }
  void forget_accepted() { accepted_->lock()->clear(); }

  /// Links that are open with a machine, for any content.
  std::uint32_t open_links(const NodeId& peer) const;

 private:
  const NodeId id_;
  identity::CredentialStore store_;
  TestPolicy policy_;
  ManualClock clock_;
  // Callbacks may run until the mesh is gone.
  std::shared_ptr<Guarded<std::vector<VirtualEndpoint>>> accepted_ = std::make_shared<Guarded<std::vector<VirtualEndpoint>>>();
  std::unique_ptr<Mesh> mesh_;
};

/// Both engines' ends of one link, after the handshakes of BitTorrent.
struct Pair {
  Wire dialler;
  Wire acceptor;
};
/// Has `from` dial `to`, plays both engines, and checks that each got the other's handshake.
Pair link(Machine& from, Machine& to, const InfoHash& info_hash);
/// Sends a few bytes both ways and checks that they arrive.
bool echoes(Wire& a, Wire& b);

std::size_t open_descriptors();

}  // namespace shoal::mesh::lab
