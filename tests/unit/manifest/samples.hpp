// A fleet's good documents, which the tests then break one by one.
#pragma once

#include <functional>

#include "base/json.hpp"
#include "crypto/digest.hpp"
#include "manifest/trust.hpp"

namespace shoal::test {

using OrderedJson = nlohmann::ordered_json;

inline WallTime time_of(const char* text) { return parse_time(text).value(); }
inline ModelName model(const char* text = "acme/tern") { return ModelName::parse(text).value(); }
inline ChannelName channel(const char* text = "stable") { return ChannelName::parse(text).value(); }

template <class Digest>
Digest digest_of(std::string_view text) {
  return Digest::from_raw(crypto::sha256(text).view().substr(0, Digest::size())).value();
}

inline manifest::Release good_release() {
  manifest::Release release;
  release.model = model();
  release.version = VersionName::parse("1.2.0").value();
  release.created = time_of("2026-01-31T12:00:00Z");
  release.files = {{"config.json", 640, digest_of<Sha256>("config")},
                   {"model-00001-of-00002.safetensors", 4'294'967'296, digest_of<Sha256>("shard 1")},
                   {"model-00002-of-00002.safetensors", 1'000'000'000, digest_of<Sha256>("shard 2")},
                   {"tokenizer/vocab \xc3\xa9.txt", 0, crypto::sha256("")}};
  release.parent = digest_of<ReleaseId>("parent");
  release.format = {"safetensors", 291, 2'647'483'648, {{"BF16", 5'294'967'296}, {"F32", 8192}}};
  release.labels = {{"commit", "0123abc"}, {"licence", "apache-2.0"}};
  release.swarm = {digest_of<InfoHash>("info"), 4 * 1024 * 1024, digest_of<Sha256>("metainfo"), 93'211};
  return release;
}

inline manifest::ChannelPointer good_pointer() {
  manifest::ChannelPointer pointer;
  pointer.model = model();
  pointer.channel = channel();
  pointer.epoch = 3;
  pointer.sequence = 7;
  pointer.release = digest_of<ReleaseId>("release");
  pointer.issued = time_of("2026-02-01T00:00:00Z");
  pointer.expires = time_of("2026-05-01T00:00:00Z");
  return pointer;
}

/// Keys of a fleet and the trust root that names them: `publisher` signs for acme, two must sign for acme/vault.
struct Fleet {
  crypto::PrivateKey root_a = crypto::PrivateKey::generate();
  crypto::PrivateKey root_b = crypto::PrivateKey::generate();
  crypto::PrivateKey publisher = crypto::PrivateKey::generate();
  crypto::PrivateKey second = crypto::PrivateKey::generate();
  crypto::PrivateKey elsewhere = crypto::PrivateKey::generate();
  crypto::PrivateKey stranger = crypto::PrivateKey::generate();
  WallTime now = time_of("2026-03-01T00:00:00Z");

  static crypto::KeyId id(const crypto::PrivateKey& key) { return key.public_key().id(); }

  manifest::TrustRoot root() const {
    manifest::TrustRoot root;
    root.version = 4;
    root.fleet = FleetName::parse("fleet.example").value();
    root.epoch = 3;
    root.expires = time_of("2028-01-01T00:00:00Z");
    for (const auto* key : {&root_a, &root_b, &publisher, &second, &elsewhere}) root.keys.push_back(key->public_key());
    root.root_keys = {id(root_a), id(root_b)};
    root.root_threshold = 2;
    root.publishers = {{{"acme/*"}, {id(publisher)}, 1},
                       {{"acme/vault"}, {id(publisher), id(second)}, 2},
                       {{"other/*", "third/bird"}, {id(elsewhere)}, 1}};
    return root;
  }

  manifest::SignedEnvelope sign_root(const manifest::TrustRoot& root) const {
    return manifest::sign(manifest::trust_root_type, encode(root), {root_a, root_b});
  }
  manifest::Verifier verifier() const { return manifest::Verifier::restore(sign_root(root())).value(); }

  manifest::SignedEnvelope sign_release(const manifest::Release& release) const {
    return manifest::sign(manifest::release_type, encode(release), {publisher});
  }
  manifest::SignedEnvelope sign_pointer(const manifest::ChannelPointer& pointer) const {
    return manifest::sign(manifest::channel_type, encode(pointer), {publisher});
  }
};

/// A document with one thing changed in its JSON, so that no encoder of ours stands in the way.
template <class Document>
std::string edited(const Document& document, const std::function<void(OrderedJson&)>& edit) {
  OrderedJson json = OrderedJson::parse(encode(document));
  edit(json);
  return json.dump();
}

}  // namespace shoal::test
