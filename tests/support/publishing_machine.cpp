#include "support/publishing_machine.hpp"

#include <doctest/doctest.h>

#include <fstream>

namespace shoal::publisher::testing {
namespace {

const std::string releases = "/v1/releases/", roots = "/v1/trust-roots/";

manifest::ChannelPointer pointer_of(const std::string& envelope) {
  auto decoded = test::must(manifest::SignedEnvelope::decode(envelope, manifest::channel_limit));
  return test::must(manifest::decode_channel_pointer(decoded.payload));
}

class MemoryClient final : public http::Client {
 public:
  explicit MemoryClient(Memory& memory) : memory_(memory) {}

  Result<http::Response> send(http::ClientRequest request, const std::stop_token&) override {
    memory_.requests.push_back(request.method + " " + request.target);
    if (memory_.before) SHOAL_CHECK(memory_.before(request));
    http::Response response;
    if (request.target.find("/versions/") != std::string::npos) return version(request);
    if (request.target.ends_with("/metainfo")) return found(memory_.metainfos, request.target);
    if (request.target.starts_with(releases)) return release(request.target.substr(releases.size()));
    if (request.method == "GET" && request.target == "/v1/status") return status();
    if (request.method == "GET" && request.target.ends_with("/channels")) return listed(request.target + "/");
    if (request.method == "GET" && request.target.starts_with(roots)) return found(memory_.roots, request.target);
    if (request.method == "GET" && request.target.ends_with("/deletion")) return found(memory_.deletions, request.target);
    if (request.method == "GET") return found(memory_.channels, request.target);
    if (request.method == "DELETE") {
      memory_.channels.erase(request.target);
      memory_.deletions[request.target + "/deletion"] = request.body;
      return response;
    }
    if (request.target.ends_with("/renewal")) return renewed(request);
    memory_.channels[request.target] = request.body;
    return response;
  }

 private:
  static http::Response found(const std::map<std::string, std::string>& texts, const std::string& target) {
    http::Response response;
    auto entry = texts.find(target);
    if (entry != texts.end()) response.body = entry->second;
    else response = not_found();
    return response;
  }

  /// Every model that has a channel.
  http::Response status() const {
    registry::FleetStatus fleet{FleetName::trusted("test-fleet"), {}, {}};
    for (const auto& [path, envelope] : memory_.channels)
      fleet.swarms.push_back({pointer_of(envelope).model, VersionName::trusted("1.0"), ReleaseId{}, 0, 0});
    http::Response response;
    response.body = registry::encode(fleet);
    return response;
  }

  http::Response listed(const std::string& below) const {
    std::vector<registry::ChannelRow> rows;
    for (const auto& [path, envelope] : memory_.channels)
      if (path.starts_with(below)) rows.push_back({pointer_of(envelope).channel, envelope, "1.0"});
    http::Response response;
    response.body = registry::encode(rows);
    return response;
  }

  /// Of the tracker's rules, the one that a renewal relies on.
  http::Response renewed(const http::ClientRequest& request) {
    const std::string path = request.target.substr(0, request.target.rfind('/'));
    http::Response response;
    if (pointer_of(request.body).sequence != pointer_of(memory_.channels.at(path)).sequence + 1) {
      response.status = 409;
      response.body = R"({"error":{"code":"conflict","message":"somebody else moved the channel"}})";
    } else {
      memory_.channels[path] = request.body;
    }
    return response;
  }

  static http::Response not_found() {
    http::Response response;
    response.status = 404;
    response.body = R"({"error":{"code":"not_found","message":"there is no such thing"}})";
    return response;
  }

  http::Response release(const std::string& id) {
    http::Response response = not_found();
    for (const auto& [path, publication] : memory_.versions) {
      auto envelope = test::must(manifest::SignedEnvelope::decode(publication.envelope, manifest::release_limit));
      const ReleaseId its = manifest::release_id(envelope.payload);
      if (its.hex() != id) continue;
      response = {};
      response.body = registry::encode(registry::ReleaseReply{its, publication.envelope});
    }
    return response;
  }

  Result<http::Response> version(const http::ClientRequest& request) {
    http::Response response;
    if (request.method == "PUT") {
      SHOAL_TRY(auto publication, registry::decode_publish_request(request.body));
      auto envelope = test::must(manifest::SignedEnvelope::decode(publication.envelope, manifest::release_limit));
      memory_.metainfos["/v1/releases/" + manifest::release_id(envelope.payload).hex() + "/metainfo"] = publication.metainfo;
      memory_.versions[request.target] = std::move(publication);
      return response;
    }
    auto entry = memory_.versions.find(request.target);
    if (entry == memory_.versions.end()) return not_found();
    auto envelope = test::must(manifest::SignedEnvelope::decode(entry->second.envelope, manifest::release_limit));
    response.body = registry::encode(registry::ReleaseReply{manifest::release_id(envelope.payload), entry->second.envelope});
    return response;
  }

  Memory& memory_;
};

manifest::SignedEnvelope trust_root(const FleetName& fleet, const crypto::PrivateKey& root_key, const crypto::PrivateKey& publisher,
                                    std::vector<manifest::PublisherRule> rules, WallTime now) {
  manifest::TrustRoot root;
  root.fleet = fleet;
  root.epoch = 3;
  root.expires = now + std::chrono::hours(24 * 730);
  root.keys = {root_key.public_key(), publisher.public_key()};
  root.root_keys = {root_key.public_key().id()};
  root.publishers = std::move(rules);
  for (auto& rule : root.publishers) rule.keys = {publisher.public_key().id()};
  return manifest::sign(manifest::trust_root_type, manifest::encode(root), {root_key});
}

}  // namespace

std::unique_ptr<registry::Client> client_of(Memory& memory) {
  return std::make_unique<registry::Client>(std::make_unique<MemoryClient>(memory), std::stop_token());
}

Machine::Machine(identity::Role role, std::vector<manifest::PublisherRule> rules)
    : clock_(SystemClock().now()),
      fleet_("test-fleet", clock_.now()),
      key_(crypto::PrivateKey::generate()),
      root_key_(crypto::PrivateKey::generate()),
      nowhere_(std::tmpfile()),
      out_({.quiet = true, .results = nowhere_, .messages = nowhere_}),
      tracker_(client_of(memory_)) {
  if (rules.empty()) rules = {{{"*"}, {}, 1}};
  identity::Member member{fleet_.credentials(role, test::node_id(2)), HostPort{"127.0.0.1", 1},
                          trust_root(fleet_.name(), root_key_, key_, std::move(rules), clock_.now()).encode(), "machine", ""};
  test::must(identity::save_member(state(), member));
  session_ = test::must(member::MemberSession::open(state(), clock_, member::MemberSession::Use::exclusive));
}

std::string Machine::key_file(const crypto::PrivateKey& key) {
  fs::path file = state() / ("key-" + std::to_string(keys_++));
  test::must(write_file_durably(file, key.pem(), Access::owner));
  return file.string();
}

Signer Machine::signer() { return test::must(Signer::load({key_file()}, state())); }

Result<PublishReport> Machine::publish(const fs::path& source, const std::string& version) {
  Signer keys = signer();
  return Publisher(session(), tracker(), keys, out(), {}).publish(request_for(source, version));
}

PublishRequest request_for(const fs::path& source, const std::string& version) {
  PublishRequest request;
  request.source = source;
  request.model = ModelName::trusted("acme/llama");
  request.version = VersionName::trusted(version);
  request.channel = ChannelName::trusted("main");
  return request;
}

void write(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
  REQUIRE(fs::file_size(path) == bytes.size());
}

}  // namespace shoal::publisher::testing
