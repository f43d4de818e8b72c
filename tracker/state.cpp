#include "tracker/state.hpp"

namespace shoal::tracker {
namespace {

constexpr ByteCount pem_limit = 64 * KiB;

fs::path freshness_key(const fs::path& state) { return state / "freshness.key"; }
fs::path freshness_public_key(const fs::path& state) { return state / "freshness.pub"; }
fs::path authority_key(const fs::path& state) { return state / "authority" / "key.pem"; }
fs::path authority_certificate(const fs::path& state) { return state / "authority" / "cert.pem"; }

Error no_fleet(const fs::path& state) {
  return fail(ErrorCode::not_found,
              state.string() + " holds no tracker: run 'shoal fleet init --state " + state.string() + " --keys DIR --tracker URL'");
}

}  // namespace

fs::path database_path(const fs::path& state) { return state / "tracker.db"; }

Status save_freshness_key(const fs::path& state, const crypto::PrivateKey& key) {
  SHOAL_CHECK(create_file_durably(freshness_key(state), key.pem(), Access::owner));
  return write_file_durably(freshness_public_key(state), key.public_key().pem());
}

Result<crypto::PrivateKey> load_or_make_freshness_key(const fs::path& state) {
  std::error_code ignored;
  if (!fs::exists(freshness_key(state), ignored)) {
    crypto::PrivateKey fresh = crypto::PrivateKey::generate();
    SHOAL_CHECK(save_freshness_key(state, fresh));
    return fresh;
  }
  SHOAL_TRY(std::string pem, read_file(freshness_key(state), pem_limit));
  return crypto::PrivateKey::from_pem(pem).within(freshness_key(state).string());
}

Status save_authority(const fs::path& state, const identity::Authority& authority) {
  SHOAL_CHECK(make_directories(state / "authority", 0700));
  SHOAL_CHECK(create_file_durably(authority_key(state), authority.key_pem(), Access::owner));
  return create_file_durably(authority_certificate(state), authority.certificate_pem());
}

Result<identity::Authority> load_authority(const fs::path& state) {
  std::error_code ignored;
  if (!fs::exists(authority_key(state), ignored)) return no_fleet(state);
  SHOAL_TRY(std::string key, read_file(authority_key(state), pem_limit));
  SHOAL_TRY(std::string certificate, read_file(authority_certificate(state), pem_limit));
  return identity::Authority::load(std::move(key), std::move(certificate)).within(state.string());
}

Result<identity::Member> load_tracker(const fs::path& state) {
  std::error_code ignored;
  if (!fs::exists(authority_key(state), ignored)) return no_fleet(state);
  SHOAL_TRY(identity::Member member, identity::load_member(state));
  if (member.credentials.self.identity.role != identity::Role::tracker)
    return fail(ErrorCode::not_enrolled, state.string() + " belongs to a " + std::string(name(member.credentials.self.identity.role)) +
                                             ", not to a tracker: give --state the directory of 'shoal fleet init'");
  return member;
}

identity::Authority::Grant tracker_grant(const identity::Identity& identity, const HostPort& url, WallTime now, std::chrono::seconds life) {
  identity::Authority::Grant grant{identity, now, life, {url.host}};
  for (const char* loopback : {"localhost", "127.0.0.1", "::1"})
    if (url.host != loopback) grant.hosts.emplace_back(loopback);
  return grant;
}

}  // namespace shoal::tracker
