#include "tracker/admission.hpp"

#include "base/log.hpp"
#include "crypto/digest.hpp"
#include "registry/machine_name.hpp"
#include "tracker/admission_records.hpp"
#include "tracker/node_ids.hpp"

namespace shoal::tracker {
namespace {

constexpr std::size_t token_id_size = 10;      // bytes
constexpr std::size_t token_secret_size = 32;  // bytes

/// The token, if it is known and the secret is its own. The same words for both refusals: an id alone must not be confirmed.
Result<TokenRecord> known_token(Session& session, const registry::EnrolRequest& request) {
  SHOAL_TRY(auto token, find_token(session, request.token_id));
  Sha256 expected = token ? token->secret_hash : Sha256{};
  bool same = crypto::equal_in_constant_time(identity::hash_of_secret(request.token_secret).view(), expected.view());
  if (!token || !same) return fail(ErrorCode::not_found, "the tracker does not know this token: ask for a new one ('shoal token create')");
  return std::move(*token);
}

Status check_open(const TokenRecord& token, WallTime now) {
  if (now >= token.expires)
    return fail(ErrorCode::not_enrolled,
                "the token expired at " + format_time(token.expires) + ": ask for a new one ('shoal token create')");
  if (token.uses_left <= 0) return fail(ErrorCode::not_enrolled, "the token was used before: ask for a new one ('shoal token create')");
  return {};
}

bool is_replay(const std::optional<EnrolmentRecord>& enrolment, WallTime now) {
  return enrolment && now - enrolment->at < Admission::replay_window;
}

}  // namespace

Result<identity::JoinToken> create_token(Database& database, const FleetPins& pins, const TokenOrder& order, WallTime now) {
  if (order.role == identity::Role::tracker) return fail(ErrorCode::usage, "a token cannot make a tracker: use 'shoal fleet init'");
  if (order.uses == 0 || order.ttl <= std::chrono::seconds(0))
    return fail(ErrorCode::usage, "a token needs at least one use and a time to live");
  identity::JoinToken token{pins.tracker, pins.ca_pin, pins.trust_root, crypto::random_bytes(token_id_size),
                            crypto::random_bytes(token_secret_size)};
  TokenRecord record{token.id, identity::hash_of_secret(token.secret), order.role, order.uses, now, now + order.ttl, pins.trust_root};
  SHOAL_CHECK(database.write([&](Session& session) { return insert_token(session, record); }));
  return token;
}

Result<std::unique_ptr<Admission>> Admission::open(Database& database, const identity::Authority& authority, MachineKeys& keys,
                                                   const Clock& clock, Options options) {
  std::unique_ptr<Admission> admission(new Admission(database, authority, keys, clock, std::move(options)));
  SHOAL_TRY(auto machines, admission->machines());
  auto sites = admission->sites_.lock();
  for (const registry::MachineRow& machine : machines) sites->emplace(machine.id, machine.site);
  return admission;
}

Result<Admission::Issued> Admission::issue(const std::string& request_pem, identity::Role role, const NodeId& id) const {
  identity::Identity identity{authority_.fleet(), role, id};
  Result<std::string> pem = authority_.issue(request_pem, {identity, clock_.now(), options_.certificate_life, {}});
  if (!pem.ok()) return fail(ErrorCode::usage, "certificate request: " + pem.error().message);
  SHOAL_TRY(identity::SpkiPin key, identity::spki_pin_of_pem(*pem));
  return Issued{std::move(*pem), key};
}

/// Inside the transaction: the name that this key gets for this token.
Result<NodeId> Admission::admit(Session& session, const registry::EnrolRequest& request, const identity::SpkiPin& key,
                                const NodeId& fresh) {
  WallTime now = clock_.now();
  SHOAL_TRY(TokenRecord token, known_token(session, request));
  SHOAL_TRY(auto earlier, find_enrolment(session, token.id, key));
  if (is_replay(earlier, now)) {
    SHOAL_TRY(bool prolonged, prolong_machine(session, earlier->machine, token.role, now + options_.certificate_life));
    if (!prolonged) return fail(ErrorCode::not_enrolled, "the machine that used this token was revoked");
    return earlier->machine;
  }
  SHOAL_CHECK(check_open(token, now));
  SHOAL_TRY(bool taken, take_use(session, token.id));
  if (!taken) return fail(ErrorCode::not_enrolled, "the token was used before: ask for a new one ('shoal token create')");
  SHOAL_CHECK(insert_machine(session, {fresh, token.role, request.name, request.site, now + options_.certificate_life, {}, {}}, key, now));
  SHOAL_CHECK(insert_enrolment(session, token.id, key, {fresh, now}));
  return fresh;
}

/// Without spending it: a token that expired or was used must not make the tracker sign, except for a machine that asks again.
Result<TokenRecord> Admission::usable_token(Session& session, const registry::EnrolRequest& request) const {
  SHOAL_TRY(TokenRecord token, known_token(session, request));
  WallTime now = clock_.now();
  if (check_open(token, now).ok()) return token;
  SHOAL_TRY(bool lately, enrolled_since(session, token.id, now - replay_window));
  if (lately) return token;
  return check_open(token, now).error();
}

Result<registry::EnrolReply> Admission::enrol_checked(const registry::EnrolRequest& request) {
  SHOAL_CHECK(registry::check_machine_name(request.name, "the name of a machine"));
  SHOAL_CHECK(registry::check_site(request.site, "the site of a machine"));
  // First without a lock and without a signature: strangers must not make the tracker work.
  SHOAL_TRY(TokenRecord token, database_.read([&](Session& session) { return usable_token(session, request); }));
  NodeId fresh = make_node_id();
  // Signed before the transaction, so that a bad request spends nothing; handed out only after the commit.
  SHOAL_TRY(Issued issued, issue(request.request_pem, token.role, fresh));
  SHOAL_TRY(NodeId id, database_.write([&](Session& session) { return admit(session, request, issued.key, fresh); }));
  if (id == fresh) {
    sites_.lock()->emplace(fresh, request.site);
    keys_.enrolled(fresh, issued.key);
  } else {
    SHOAL_TRY(issued, issue(request.request_pem, token.role, id));
  }
  log::info("machine_enrolled", {{"machine", id.str()},
                                 {"role", name(token.role)},
                                 {"name", request.name},
                                 {"site", request.site},
                                 {"token", to_hex(token.id)},
                                 {"again", id == fresh ? "no" : "yes"}});
  RootChain roots = options_.trust_roots(token.trust_root);
  return registry::EnrolReply{std::move(issued.pem), authority_.certificate_pem(), std::move(roots.first), std::move(roots.later)};
}

Result<registry::EnrolReply> Admission::enrol(const registry::EnrolRequest& request, const std::string& address, Log log) {
  auto reply = enrol_checked(request);
  // AttemptLimit bounds these lines for each address.
  if (!reply.ok() && log == Log::all)
    log::warn("enrolment_refused",
              {{"address", address}, {"token", to_hex(request.token_id.substr(0, token_id_size))}, {"reason", reply.error().message}});
  return reply;
}

Result<std::string> Admission::renew(const identity::Certificate& caller, const std::string& request_pem) {
  const identity::Identity& who = caller.identity;
  SHOAL_CHECK(keys_.may_renew(caller));
  SHOAL_TRY(Issued issued, issue(request_pem, who.role, who.id));
  WallTime until = clock_.now() + options_.certificate_life;
  SHOAL_TRY(bool known, database_.write([&](Session& session) { return prolong_machine(session, who.id, who.role, until); }));
  if (!known) return fail(ErrorCode::not_enrolled, "machine " + who.id.str() + " is not enrolled here: join again with a new token");
  SHOAL_CHECK(keys_.renewed(who.id, issued.key));
  log::info("machine_renewed", {{"machine", who.id.str()}, {"role", name(who.role)}, {"until", format_time(until)}});
  return std::move(issued.pem);
}

std::string Admission::site_of(const NodeId& machine) const {
  return sites_.with([&](const auto& sites) {
    auto found = sites.find(machine);
    return found == sites.end() ? std::string() : found->second;
  });
}

Result<std::vector<registry::MachineRow>> Admission::machines() {
  return database_.read([](Session& session) { return all_machines(session); });
}

}  // namespace shoal::tracker
