// The publisher's keys, and the check that they may sign before anything is done with them.
#pragma once

#include <string>
#include <vector>

#include "base/files.hpp"
#include "manifest/trust.hpp"

namespace shoal::publisher {

class Signer {
 public:
  /// From the files of --key, else from STATE/publisher.key. Code `usage` where there is none or one is no key.
  static Result<Signer> load(const std::vector<std::string>& key_files, const fs::path& state);

  /// Whether `load` would find a key: --key is given, or STATE/publisher.key is there.
  static bool is_at_hand(const std::vector<std::string>& key_files, const fs::path& state);

  /// That a document signed with these keys for `model` would be accepted by machines that trust what `verifier` trusts: code
  /// `verification`, the keys and the models that they may sign for.
  Status check_authorised(const manifest::Verifier& verifier, const ModelName& model, WallTime now) const;

  manifest::SignedEnvelope sign(std::string_view payload_type, std::string payload) const {
    return manifest::sign(payload_type, std::move(payload), keys_);
  }
  /// The key of the model signature.
  const crypto::PrivateKey& first() const { return keys_.front(); }
  /// Files that others than their owner may read.
  const std::vector<fs::path>& exposed() const { return exposed_; }

 private:
  Status add(const fs::path& file);
  std::vector<crypto::PrivateKey> keys_;
  std::vector<fs::path> exposed_;
};

}  // namespace shoal::publisher
