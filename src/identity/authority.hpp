// The fleet's CA. Its own target (shoal_authority): only the tracker's library links it.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "identity/credentials.hpp"

namespace shoal::identity {

/// Holds the CA key. Immutable; thread-safe.
class Authority {
 public:
  /// A new self-signed P-256 CA, valid for ten years.
  static Result<Authority> create(const FleetName& fleet, WallTime now);
  static Result<Authority> load(std::string key_pem, std::string certificate_pem);

  const std::string& key_pem() const;
  const std::string& certificate_pem() const;
  SpkiPin pin() const;
  FleetName fleet() const;

  struct Grant {
    Identity identity;
    WallTime now;
    std::chrono::seconds life{std::chrono::hours(24)};
    /// DNS names or IP addresses: for the tracker's own certificate, so that stock clients can check its host.
    std::vector<std::string> hosts;
  };
  /// A leaf (PEM) for the key of a certificate request. Every name in the request is ignored; its self-signature is checked;
  /// keys other than P-256 are refused. notBefore is ten minutes back (half the life where that is shorter); the
  /// serial is 128 random bits.
  Result<std::string> issue(std::string_view request_pem, const Grant& grant) const;

 private:
  struct State;
  explicit Authority(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace shoal::identity
