// ECDSA P-256 keys that sign content. They are never X.509 keys and never live on the tracker.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/ids.hpp"

namespace shoal::crypto {

/// SHA-256 of the DER SubjectPublicKeyInfo: names a key in envelopes and in the trust root.
using KeyId = Digest<32, struct KeyIdTag>;

/// Immutable; copies share the key; thread-safe.
class PublicKey {
 public:
  /// PEM "PUBLIC KEY"; anything but an EC key on P-256 is an error.
  static Result<PublicKey> from_pem(std::string_view pem);
  /// DER SubjectPublicKeyInfo.
  static Result<PublicKey> from_der(std::string_view der);

  std::string pem() const;
  std::string der() const;
  KeyId id() const;
  /// ECDSA over SHA-256 of `message`; `signature` is ASN.1 DER.
  bool verifies(std::string_view message, std::string_view signature) const;

 private:
  friend class PrivateKey;
  struct State;
  explicit PublicKey(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

/// Immutable; copies share the key; thread-safe.
class PrivateKey {
 public:
  static PrivateKey generate();
  /// PKCS#8 PEM without a passphrase.
  static Result<PrivateKey> from_pem(std::string_view pem);

  std::string pem() const;
  PublicKey public_key() const;
  /// ECDSA over SHA-256 of `message`, ASN.1 DER.
  std::string sign(std::string_view message) const;

 private:
  struct State;
  explicit PrivateKey(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace shoal::crypto
