// Releases as a node sees them: signed by a publisher that a trust root names, and verified. Link shoal_swarm.
#pragma once

#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/files.hpp"
#include "crypto/digest.hpp"
#include "manifest/trust.hpp"
#include "metainfo/metainfo.hpp"
#include "store/hash_tree.hpp"
#include "support/must.hpp"

namespace shoal::test {

/// A publisher and someone who trusts it.
class Publisher {
 public:
  Publisher() : key_(crypto::PrivateKey::generate()), verifier_(pinned(key_)) {}

  manifest::VerifiedRelease verified(const manifest::Release& release) const {
    auto envelope = manifest::sign(manifest::release_type, manifest::encode(release), {key_});
    return must(verifier_.release(envelope, release.model));
  }

 private:
  static manifest::Verifier pinned(const crypto::PrivateKey& key) {
    const auto publisher = key.public_key();
    manifest::TrustRoot root;
    root.fleet = FleetName::trusted("test-fleet");
    root.expires = SystemClock().now() + std::chrono::hours(24);
    root.keys = {publisher};
    root.root_keys = {publisher.id()};
    root.publishers = {{{"*"}, {publisher.id()}, 1}};
    auto envelope = manifest::sign(manifest::trust_root_type, manifest::encode(root), {key});
    auto fingerprint = must(manifest::TrustFingerprint::from_raw(crypto::sha256(envelope.payload).view()));
    return must(manifest::Verifier::pin(envelope, fingerprint));
  }

  crypto::PrivateKey key_;
  manifest::Verifier verifier_;
};

/// A release without its swarm.
inline manifest::Release release_of(const store::Layout& layout, const std::vector<Sha256>& digests) {
  manifest::Release release;
  release.model = ModelName::trusted("acme/tiny");
  release.version = VersionName::trusted("1");
  release.created = SystemClock().now();
  release.format.kind = "other";
  for (std::size_t i = 0; i < layout.files().size(); ++i)
    release.files.push_back({layout.files()[i].path, layout.files()[i].size, digests[i]});
  return release;
}

inline manifest::SwarmInfo swarm_of(const std::string& metainfo, const InfoHash& info_hash, std::uint32_t piece_length,
                                    store::Packing packing = store::Packing::aligned) {
  return {info_hash, piece_length, crypto::sha256(metainfo), metainfo.size(), static_cast<std::uint32_t>(packing)};
}

/// A directory, hashed, signed and checked.
inline metainfo::CheckedMetainfo published(const fs::path& root, std::uint32_t piece_length, const Publisher& publisher = Publisher(),
                                           store::Packing packing = store::Packing::aligned) {
  const store::Layout layout(must(store::list_tree(root)), piece_length, packing);
  const auto hashes = must(store::hash_tree(root, layout, {}));
  const auto metainfo = must(metainfo::make_metainfo(layout, hashes));
  auto release = release_of(layout, hashes.files);
  release.swarm = swarm_of(metainfo.bytes, metainfo.info_hash, piece_length, packing);
  return must(metainfo::CheckedMetainfo::check(publisher.verified(release), metainfo.bytes));
}

/// Bytes that look random and are the same for the same seed.
inline std::string noise(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; i += 8) {
    const std::uint64_t word = engine();
    for (std::size_t k = 0; k < 8 && i + k < size; ++k) bytes[i + k] = static_cast<char>(word >> (8 * k));
  }
  return bytes;
}

inline void put_file(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << content;
  out.close();
  must(out.good(), "write a test file");
}

}  // namespace shoal::test
