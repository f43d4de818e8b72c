#include "publisher/signer.hpp"

#include <algorithm>

namespace shoal::publisher {
namespace {

constexpr ByteCount key_file_limit = 64 * KiB;
constexpr const char* default_key = "publisher.key";

/// A pointer that is never sent: it shows whether signatures by these keys count, by the rules that every machine applies.
manifest::ChannelPointer probe_for(const manifest::TrustRoot& root, const ModelName& model, WallTime now) {
  manifest::ChannelPointer probe;
  probe.model = model;
  probe.channel = ChannelName::trusted("main");
  probe.epoch = root.epoch;
  probe.sequence = 1;
  probe.issued = now;
  probe.expires = now + std::chrono::hours(1);
  return probe;
}

bool has(const std::vector<crypto::KeyId>& keys, const crypto::KeyId& key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

std::string models_of(const manifest::TrustRoot& root, const crypto::KeyId& key) {
  std::string models;
  for (const auto& rule : root.publishers) {
    if (!has(rule.keys, key)) continue;
    for (const auto& pattern : rule.models) models += (models.empty() ? "" : ", ") + pattern;
  }
  return models.empty() ? "no models" : models;
}

}  // namespace

Result<Signer> Signer::load(const std::vector<std::string>& key_files, const fs::path& state) {
  Signer signer;
  for (const auto& file : key_files) SHOAL_CHECK(signer.add(file));
  if (!key_files.empty()) return signer;
  fs::path file = state / default_key;
  if (!fs::exists(file))
    return fail(ErrorCode::usage, "no publisher key: give --key FILE, or put it at " + file.string() +
                                      " (\"shoal fleet init\" wrote it into its --keys directory)");
  SHOAL_CHECK(signer.add(file));
  return signer;
}

bool Signer::is_at_hand(const std::vector<std::string>& key_files, const fs::path& state) {
  std::error_code ignored;
  return !key_files.empty() || fs::exists(state / default_key, ignored);
}

Status Signer::add(const fs::path& file) {
  auto pem = read_file(file, key_file_limit);
  if (!pem.ok()) return fail(ErrorCode::usage, "publisher key: " + pem.error().message);
  auto key = crypto::PrivateKey::from_pem(pem.value());
  if (!key.ok()) return fail(ErrorCode::usage, "publisher key " + file.string() + ": " + key.error().message);
  auto others = fs::perms::group_all | fs::perms::others_all;
  std::error_code error;
  if ((fs::status(file, error).permissions() & others) != fs::perms::none && !error) exposed_.push_back(file);
  keys_.push_back(std::move(key).value());
  return {};
}

Status Signer::check_authorised(const manifest::Verifier& verifier, const ModelName& model, WallTime now) const {
  manifest::ChannelPointer probe = probe_for(verifier.root(), model, now);
  auto accepted = verifier.channel(sign(manifest::channel_type, manifest::encode(probe)), model, probe.channel, {}, now);
  if (accepted.ok()) return {};
  if (now >= verifier.root().expires) return std::move(accepted).error();
  std::string keys;
  for (const auto& key : keys_) {
    auto id = key.public_key().id();
    keys += (keys.empty() ? "key " : "; key ") + id.hex().substr(0, 16) + " may sign for " + models_of(verifier.root(), id);
  }
  return fail(ErrorCode::verification, "the fleet's trust root does not let these keys publish " + model.str() + ": " + keys + " (" +
                                           accepted.error().message + ")");
}

}  // namespace shoal::publisher
