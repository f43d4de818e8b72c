// A real tracker on loopback with its fleet, and members that talk to it over real TLS.
#pragma once

#include "crypto/digest.hpp"
#include "crypto/signing_key.hpp"
#include "registry/client.hpp"
#include "support/test_fleet.hpp"
#include "tracker/admission.hpp"
#include "tracker/state.hpp"
#include "tracker/tracker.hpp"

namespace shoal::test {

inline const ModelName model = ModelName::trusted("acme/chat");
inline const VersionName version = VersionName::trusted("1.0");
inline const ChannelName stable = ChannelName::trusted("stable");
inline const std::string metainfo = "d4:infode";

/// A machine with its client. Stays where it was made.
struct MemberClient {
  MemberClient(identity::Credentials credentials, std::uint16_t port)
      : store(std::move(credentials)),
        tls(store, std::string(identity::alpn_http)),
        http(http::Client::to_tracker({"127.0.0.1", port}, tls, clock)),
        client(http::Client::to_tracker({"127.0.0.1", port}, tls, clock), {}) {}
  MemberClient(const MemberClient&) = delete;
  MemberClient& operator=(const MemberClient&) = delete;

  const NodeId& id() const { return self_id; }
  http::Response send(const std::string& method, const std::string& target, const std::string& body = "") {
    http::ClientRequest request;
    request.method = method;
    request.target = target;
    request.body = body;
    return must(http->send(std::move(request), {}));
  }

  SystemClock clock;
  identity::CredentialStore store;
  identity::ClientTlsSource tls;
  std::unique_ptr<http::Client> http;
  registry::Client client;
  NodeId self_id = store.current()->self.identity.id;
};

class RunningFleet {
 public:
  explicit RunningFleet(WallTime founded = SystemClock().now()) : fleet("test-fleet", founded) {
    must(tracker::save_authority(state.path(), fleet.authority()));
    must(tracker::save_freshness_key(state.path(), freshness));
    must(identity::save_member(state.path(), {fleet.tracker(), {"127.0.0.1", 7443}, trust_root().encode(), "tracker", ""}));
    options.state = state.path();
    options.listen = {"127.0.0.1", 0};
  }

  void start() { running = must(tracker::Tracker::start(options, clock)); }
  void stop() { running.reset(); }
  std::uint16_t port() const { return running->listen().port; }

  manifest::SignedEnvelope trust_root() const {
    manifest::TrustRoot trust;
    trust.fleet = fleet.name();
    trust.expires = fleet.now() + std::chrono::hours(24 * 730);
    trust.keys = {root.public_key(), publisher.public_key(), freshness.public_key()};
    trust.root_keys = {root.public_key().id()};
    trust.publishers = {{{"*"}, {publisher.public_key().id()}, 1}};
    trust.tracker_keys = {freshness.public_key().id()};
    return manifest::sign(manifest::trust_root_type, manifest::encode(trust), {root});
  }

  /// As `shoal token create` does: through a handle of its own on the database.
  identity::JoinToken token(identity::Role role, std::uint32_t uses = 1) {
    auto database = must(tracker::Database::open(tracker::database_path(state.path())));
    tracker::FleetPins pins{{"127.0.0.1", running ? port() : std::uint16_t{1}}, fleet.authority().pin(), Sha256{}};
    return must(tracker::create_token(database, pins, {role, uses, std::chrono::hours(1)}, clock.now()));
  }
  Result<registry::EnrolReply> enrol(const identity::JoinToken& token, const std::string& request_pem, const std::string& site = "") {
    auto context = must(identity::pinned_client_context(token.ca_pin, identity::alpn_enrol));
    registry::Client client(http::Client::pinned({"127.0.0.1", port()}, context, clock), {});
    return client.enrol({token.id, token.secret, request_pem, "machine", site});
  }
  /// Enrols a new machine.
  std::unique_ptr<MemberClient> join(identity::Role role, const std::string& site = "") {
    auto request = identity::make_request();
    auto reply = must(enrol(token(role), request.request_pem, site));
    return std::make_unique<MemberClient>(must(identity::make_credentials(request.key_pem, reply.certificate_pem, reply.ca_pem)), port());
  }
  /// A machine with a certificate of the fleet that never enrolled.
  std::unique_ptr<MemberClient> member(identity::Role role, unsigned number) {
    return std::make_unique<MemberClient>(fleet.credentials(role, node_id(number)), port());
  }

  manifest::Release release(const std::string& name = version.str()) const {
    manifest::Release made;
    made.model = model;
    made.version = VersionName::trusted(name);
    made.created = fleet.now();
    made.files = {{"model.safetensors", 1000, crypto::sha256("content")}};
    made.format.kind = "other";
    made.swarm = {must(InfoHash::from_raw(crypto::sha1(metainfo).view())), 65536, crypto::sha256(metainfo), metainfo.size()};
    return made;
  }
  manifest::SignedEnvelope signed_release(const std::string& name = version.str()) const {
    return manifest::sign(manifest::release_type, manifest::encode(release(name)), {publisher});
  }
  manifest::SignedEnvelope pointer(const ReleaseId& id, std::uint64_t sequence) const {
    manifest::ChannelPointer made;
    made.model = model;
    made.channel = stable;
    made.epoch = 1;
    made.sequence = sequence;
    made.release = id;
    made.issued = clock.now();
    made.expires = clock.now() + std::chrono::hours(24);
    return manifest::sign(manifest::channel_type, manifest::encode(made), {publisher});
  }

  SystemClock clock;
  TempDirectory state;
  TestFleet fleet;
  crypto::PrivateKey root = crypto::PrivateKey::generate();
  crypto::PrivateKey publisher = crypto::PrivateKey::generate();
  crypto::PrivateKey freshness = crypto::PrivateKey::generate();
  tracker::TrackerOptions options;
  std::unique_ptr<tracker::Tracker> running;
};

inline registry::AnnounceRequest announcement(const NodeId& id, const InfoHash& info_hash, std::uint16_t port, ByteCount left) {
  registry::AnnounceRequest request;
  request.info_hash = info_hash;
  request.peer_id = peer_id_of(id);
  request.port = port;
  request.left = left;
  return request;
}

}  // namespace shoal::test
