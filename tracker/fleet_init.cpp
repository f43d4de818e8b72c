#include "tracker/fleet_init.hpp"

#include <algorithm>

#include "crypto/digest.hpp"
#include "tracker/database.hpp"
#include "tracker/node_ids.hpp"
#include "tracker/state.hpp"

namespace shoal::tracker {
namespace {

constexpr auto trust_root_life = std::chrono::days(2 * 365);
constexpr auto first_certificate_life = std::chrono::hours(24);

fs::path root_key_path(const fs::path& keys) { return keys / "root.key"; }
fs::path publisher_key_path(const fs::path& keys) { return keys / "publisher.key"; }

/// Removes what was made, newest first, unless it is kept.
class Undo {
 public:
  Undo() = default;
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  ~Undo() {
    for (auto path = made_.rbegin(); path != made_.rend(); ++path) (void)remove_tree(*path);
  }
  void add(fs::path path) { made_.push_back(std::move(path)); }
  void keep() { made_.clear(); }

 private:
  std::vector<fs::path> made_;
};

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() != fs::file_type::not_found;
}

Result<fs::path> resolved(const fs::path& path) {
  std::error_code error;
  fs::path full = fs::weakly_canonical(fs::absolute(path), error);
  if (error) return fail_errno(path.string(), error.value());
  return full.has_filename() ? full : full.parent_path();  // "keys/" is "keys"
}

bool contains(const fs::path& outer, const fs::path& inner) {
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

Status check_apart(const fs::path& state, const fs::path& keys) {
  if (!contains(state, keys) && !contains(keys, state)) return {};
  return fail(ErrorCode::usage,
              "--state " + state.string() + " and --keys " + keys.string() +
                  " must not be the same directory or inside each other: the keys that sign content never belong to the tracker");
}

Status check_unused(const fs::path& path) {
  if (!is_there(path)) return {};
  return fail(ErrorCode::conflict, path.string() + " exists already: a fleet was set up here; choose another directory");
}

/// Makes the directory and notes the first of its ancestors that had to be made.
Status make_noted(const fs::path& path, Undo& undo) {
  fs::path first;
  for (fs::path at = path; !at.empty() && !is_there(at); at = at.parent_path()) first = at;
  if (!first.empty()) undo.add(first);
  return make_directories(path, 0700);
}

Status create_noted(const fs::path& path, std::string_view content, Undo& undo) {
  SHOAL_CHECK(create_file_durably(path, content, Access::owner));
  undo.add(path);
  return {};
}

FleetName random_name() { return FleetName::trusted("shoal-" + to_hex(crypto::random_bytes(3))); }

manifest::SignedEnvelope first_trust_root(const FleetName& fleet, const crypto::PrivateKey& root, const crypto::PrivateKey& publisher,
                                          const crypto::PrivateKey& freshness, WallTime now) {
  manifest::TrustRoot trust;
  trust.fleet = fleet;
  trust.expires = now + trust_root_life;
  trust.keys = {root.public_key(), publisher.public_key(), freshness.public_key()};
  trust.root_keys = {root.public_key().id()};
  trust.publishers = {{{"*"}, {publisher.public_key().id()}, 1}};
  trust.tracker_keys = {freshness.public_key().id()};
  return manifest::sign(manifest::trust_root_type, manifest::encode(trust), {root});
}

Result<identity::Credentials> first_credentials(const identity::Authority& authority, const HostPort& url, WallTime now) {
  identity::KeyAndRequest fresh = identity::make_request();
  identity::Identity self{authority.fleet(), identity::Role::tracker, make_node_id()};
  SHOAL_TRY(std::string pem, authority.issue(fresh.request_pem, tracker_grant(self, url, now, first_certificate_life)));
  return identity::make_credentials(std::move(fresh.key_pem), std::move(pem), authority.certificate_pem());
}

Status write_keys(const fs::path& keys, const crypto::PrivateKey& root, const crypto::PrivateKey& publisher, Undo& undo) {
  SHOAL_CHECK(make_noted(keys, undo));
  SHOAL_CHECK(create_noted(root_key_path(keys), root.pem(), undo));
  return create_noted(publisher_key_path(keys), publisher.pem(), undo);
}

Status write_state(const fs::path& state, const identity::Authority& authority, const crypto::PrivateKey& freshness,
                   const identity::Member& self, Undo& undo) {
  SHOAL_CHECK(make_noted(state, undo));
  for (const char* name : {"authority", "identity", "freshness.key", "freshness.pub", "tracker.db", "tracker.db-wal", "tracker.db-shm"})
    undo.add(state / name);
  SHOAL_CHECK(save_authority(state, authority));
  SHOAL_CHECK(save_freshness_key(state, freshness));
  SHOAL_CHECK(Database::open(database_path(state)));
  return identity::save_member(state, self);
}

}  // namespace

Result<NewFleet> init_fleet(const FleetOrder& order, WallTime now) {
  SHOAL_TRY(fs::path state, resolved(order.state));
  SHOAL_TRY(fs::path keys, resolved(order.keys));
  SHOAL_CHECK(check_apart(state, keys));
  for (const fs::path& path : {root_key_path(keys), publisher_key_path(keys), state / "authority", state / "identity",
                               state / "freshness.key", database_path(state)})
    SHOAL_CHECK(check_unused(path));
  FleetName fleet = order.fleet.value_or(random_name());
  SHOAL_TRY(identity::Authority authority, identity::Authority::create(fleet, now));
  SHOAL_TRY(identity::Credentials credentials, first_credentials(authority, order.tracker, now));
  crypto::PrivateKey root = crypto::PrivateKey::generate(), publisher = crypto::PrivateKey::generate(),
                     freshness = crypto::PrivateKey::generate();
  manifest::SignedEnvelope trust = first_trust_root(fleet, root, publisher, freshness, now);
  SHOAL_TRY(manifest::Verifier verifier, manifest::Verifier::restore(trust));
  Undo undo;
  SHOAL_CHECK(write_keys(keys, root, publisher, undo));
  SHOAL_CHECK(write_state(state, authority, freshness, {std::move(credentials), order.tracker, trust.encode(), "tracker", ""}, undo));
  undo.keep();
  return NewFleet{fleet, authority.pin(), verifier.fingerprint(), root_key_path(keys), publisher_key_path(keys)};
}

}  // namespace shoal::tracker
