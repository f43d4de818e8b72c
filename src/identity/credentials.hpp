// A machine's key, certificate and CA, replaceable while the machine runs.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/guarded.hpp"
#include "identity/certificate.hpp"

namespace shoal::identity {

struct Credentials {
  std::string key_pem;
  std::string certificate_pem;
  std::string ca_pem;
  Certificate self;  // what certificate_pem says
};

/// Checks that key and certificate belong together and that the CA signed the certificate.
Result<Credentials> make_credentials(std::string key_pem, std::string certificate_pem, std::string ca_pem);

/// The credentials in force. Thread-safe. Renewal replaces them; links that exist go on.
class CredentialStore {
 public:
  explicit CredentialStore(Credentials first);
  std::shared_ptr<const Credentials> current() const;
  void replace(Credentials next);
  /// Rises with every replace; lets a holder of TLS contexts see that its own are old.
  std::uint64_t generation() const { return generation_.load(); }

 private:
  Guarded<std::shared_ptr<const Credentials>> current_;
  std::atomic<std::uint64_t> generation_{1};
};

}  // namespace shoal::identity
