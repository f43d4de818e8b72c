#include "tracker/trust_roots.hpp"

#include "base/log.hpp"

namespace shoal::tracker {
namespace {

Result<manifest::SignedEnvelope> decode_root(const std::string& envelope) {
  auto decoded = manifest::SignedEnvelope::decode(envelope, manifest::trust_root_limit);
  if (!decoded.ok()) decoded.error().code = ErrorCode::verification;
  return decoded;
}

Sha256 plain(const manifest::TrustFingerprint& fingerprint) { return Sha256{fingerprint.bytes}; }

}  // namespace

/// The first root is believed for its own signatures, each later one for those of the root before it.
Status TrustRoots::take(State& state, const std::string& envelope) const {
  SHOAL_TRY(auto decoded, decode_root(envelope));
  if (!state.verifier) {
    SHOAL_TRY(manifest::Verifier first, manifest::Verifier::restore(decoded));
    state.verifier = std::make_shared<const manifest::Verifier>(std::move(first));
  } else {
    manifest::Verifier next = *state.verifier;
    SHOAL_CHECK(next.rotate(decoded));
    state.verifier = std::make_shared<const manifest::Verifier>(std::move(next));
  }
  state.roots.push_back({state.verifier->root().version, plain(state.verifier->fingerprint()), envelope});
  return {};
}

Status TrustRoots::store(const Root& root, const std::string& who) {
  return database_.write([&](Session& session) -> Status {
    SHOAL_CHECK(session.run("INSERT INTO trust_roots(version, fingerprint, envelope, who, added) VALUES(?, ?, ?, ?, ?)",
                            {static_cast<std::int64_t>(root.version), Value::blob(root.fingerprint.view()), Value::blob(root.envelope), who,
                             static_cast<std::int64_t>(clock_.now().time_since_epoch().count())}));
    return {};
  });
}

Result<std::unique_ptr<TrustRoots>> TrustRoots::open(Database& database, const std::string& first, const Clock& clock) {
  std::unique_ptr<TrustRoots> roots(new TrustRoots(database, clock));
  auto state = roots->state_.lock();
  SHOAL_CHECK(roots->take(*state, first));
  const Root pinned = state->roots.front();
  SHOAL_TRY(auto rows, database.read([](Session& session) {
    return session.run("SELECT version, fingerprint, envelope FROM trust_roots ORDER BY version");
  }));
  bool known = false;
  for (const Row& row : rows) {
    auto version = static_cast<std::uint64_t>(row.number(0));
    if (version < pinned.version) continue;
    if (version > pinned.version) {
      SHOAL_CHECK(roots->take(*state, row.text(2)).within("trust root " + std::to_string(version) + " of the database"));
      continue;
    }
    known = true;
    if (row.text(1) != pinned.fingerprint.view())
      return fail(ErrorCode::conflict,
                  "the database is of another fleet: its trust root " + std::to_string(version) + " is not the one of identity/");
  }
  if (!known) SHOAL_CHECK(roots->store(pinned, ""));
  return roots;
}

std::shared_ptr<const manifest::Verifier> TrustRoots::verifier() const {
  return state_.with([](const State& state) { return state.verifier; });
}

Result<std::string> TrustRoots::find(std::uint64_t version) const {
  return state_.with([&](const State& state) -> Result<std::string> {
    for (const Root& root : state.roots)
      if (root.version == version) return root.envelope;
    return fail(ErrorCode::not_found, "there is no version " + std::to_string(version) + " of the trust root here; the newest is " +
                                          std::to_string(state.roots.back().version));
  });
}

RootChain TrustRoots::chain_from(const Sha256& fingerprint) const {
  return state_.with([&](const State& state) {
    std::size_t from = 0;
    for (std::size_t i = 0; i < state.roots.size(); ++i)
      if (state.roots[i].fingerprint == fingerprint) from = i;
    RootChain chain{state.roots[from].envelope, {}};
    for (std::size_t i = from + 1; i < state.roots.size(); ++i) chain.later.push_back(state.roots[i].envelope);
    return chain;
  });
}

Status TrustRoots::add(std::uint64_t version, const std::string& envelope, const NodeId& who) {
  SHOAL_TRY(auto decoded, decode_root(envelope));
  auto state = state_.lock();
  for (const Root& root : state->roots)
    if (root.version == version && root.fingerprint == plain(manifest::trust_fingerprint(decoded.payload))) return {};
  std::uint64_t newest = state->roots.back().version;
  if (version != newest + 1)
    return fail(ErrorCode::conflict, "the newest trust root is version " + std::to_string(newest) + ": the next one has version " +
                                         std::to_string(newest + 1) + ", not " + std::to_string(version));
  State next = *state;
  SHOAL_CHECK(take(next, envelope));
  SHOAL_CHECK(store(next.roots.back(), who.str()));
  *state = std::move(next);
  log::info("trust_root_rotated", {{"version", version}, {"fingerprint", state->roots.back().fingerprint.hex()}, {"by", who.str()}});
  return {};
}

Result<Sha256> newest_fingerprint(Database& database, const Sha256& otherwise) {
  SHOAL_TRY(auto rows, database.read([](Session& session) {
    return session.run("SELECT fingerprint FROM trust_roots ORDER BY version DESC LIMIT 1");
  }));
  if (rows.empty()) return otherwise;
  return Sha256::from_raw(rows.front().text(0));
}

}  // namespace shoal::tracker
