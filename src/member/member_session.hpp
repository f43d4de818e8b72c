// What every member of the fleet starts with: its identity, the pinned trust root and the way to its tracker.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <stop_token>

#include "base/directory_lock.hpp"
#include "base/guarded.hpp"
#include "identity/member.hpp"
#include "identity/renewal.hpp"
#include "identity/tls.hpp"
#include "manifest/trust.hpp"
#include "registry/client.hpp"

namespace shoal::member {

/// Built from the state directory of an enrolled machine; not movable, because TLS contexts and the renewer refer into it.
/// Everything that takes `credentials()` or a client of it must go before it does. Calls are for one thread unless noted.
class MemberSession {
 public:
  /// Whether this process alone may use the state directory. What only asks or publishes shares it; what listens owns it.
  enum class Use { shared, exclusive };

  /// With Use::shared, a directory that never joined may hold a tracker's state in `tracker`: its identity then reads what members read.
  /// Errors: `not_enrolled` where the machine never joined or its certificate has expired, `verification` where the stored
  /// trust root does not hold, `conflict` where another process owns the directory (with Use::exclusive).
  static Result<std::unique_ptr<MemberSession>> open(const fs::path& state, const Clock& clock, Use use);
  MemberSession(const MemberSession&) = delete;
  MemberSession& operator=(const MemberSession&) = delete;
  /// Ends the renewer, also in the middle of a request.
  ~MemberSession();

  const fs::path& state() const { return state_; }
  /// Fleet, role and id; renewal never changes them.
  const identity::Identity& self() const { return self_; }
  const HostPort& tracker() const { return tracker_; }
  const std::string& name() const { return name_; }
  const std::string& site() const { return site_; }
  const Clock& clock() const { return clock_; }
  identity::CredentialStore& credentials() { return credentials_; }
  /// By the newest trust root that is known here. Thread-safe; what was returned stays as it is when the root rotates.
  std::shared_ptr<const manifest::Verifier> verifier() const { return *verifier_.lock(); }
  /// Takes the next trust root (manifest::Verifier::rotate) and stores it durably first. Thread-safe.
  Status rotate(const std::string& next_root);

  /// `not_enrolled` unless this machine has one of the roles; `purpose` completes "... may not" ("publish", "seed").
  Status require_role(const std::set<identity::Role>& allowed, std::string_view purpose) const;

  /// A client of the tracker with a connection of its own; give each thread its own. Thread-safe. `stop` ends its requests.
  std::unique_ptr<registry::Client> client(std::stop_token stop);

  /// From now on renews the certificate in the background, saving it durably. For processes that stay; call it once.
  void keep_renewed();

 private:
  MemberSession(fs::path state, const Clock& clock, std::optional<DirectoryLock> lock, identity::Member member,
                manifest::Verifier verifier);

  fs::path state_;
  const Clock& clock_;
  std::optional<DirectoryLock> lock_;
  identity::Identity self_;
  HostPort tracker_;
  std::string name_;
  std::string site_;
  mutable Guarded<std::shared_ptr<const manifest::Verifier>> verifier_;
  identity::CredentialStore credentials_;
  identity::ClientTlsSource tls_;
  std::stop_source stop_;  // ends a renewal that waits for the tracker
  std::unique_ptr<registry::Client> renewal_client_;
  std::unique_ptr<identity::Renewer> renewer_;
};

}  // namespace shoal::member
