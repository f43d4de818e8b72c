// Renewal at two thirds of a certificate's life, with a new key and jitter.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "identity/credentials.hpp"

namespace shoal::identity {

/// When to renew: two thirds of the life, moved by up to 10 % of the life; `random` is in [0, 1).
WallTime renewal_time(const Certificate& certificate, double random);
/// From that time on, and while the certificate is not valid yet: one of the clocks was wrong when it was issued.
bool is_due(const Certificate& certificate, WallTime now, double random);

/// Owns a thread that renews the credentials of a store when their time has come; failures are retried with back-off
/// (5 s doubling to 5 min) and logged. `renew` gets a request (PEM) and returns the new certificate (PEM). It runs on that
/// thread or on the caller's of renew_now, one at a time, and must end by itself: the destructor waits for it.
class Renewer {
 public:
  using Renew = std::function<Result<std::string>(const std::string& request_pem)>;
  using Save = std::function<Status(const Credentials&)>;
  /// Credentials that another process of the same machine has saved meanwhile; none where there are no newer ones than those in force.
  using Newer = std::function<std::optional<Credentials>()>;

  /// The clock may be moved by hand, so it is looked at every `look_again` instead of slept upon.
  Renewer(CredentialStore& store, const Clock& clock, Renew renew, Save save,
          std::chrono::milliseconds look_again = std::chrono::seconds(5), Newer newer = {});
  ~Renewer();
  /// Renews now, on the caller's thread. A certificate that is not valid now is refused, and the one before stays in force. New credentials
  /// that could not be saved are in force only when those before are about to end: a full disk must not take a machine out of the fleet,
  /// and a machine that starts again with a key that it has given up looks like a thief.
  Status renew_now();

 private:
  void run(const std::stop_token& stop);
  bool wait_until_due(const std::stop_token& stop);
  bool wait_to_retry(const std::stop_token& stop, unsigned failures);
  Status renew_caught();
  bool adopt_newer();
  CredentialStore& store_;
  const Clock& clock_;
  Renew renew_;
  Save save_;
  const std::chrono::milliseconds look_again_;
  Newer newer_;
  std::mutex renewing_;  // one renewal at a time
  std::jthread thread_;
};

}  // namespace shoal::identity
