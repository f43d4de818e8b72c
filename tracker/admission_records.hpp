// Rows of tokens, machines and enrolments. SQL and nothing else; the rules are in admission.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "identity/certificate.hpp"
#include "registry/messages.hpp"
#include "tracker/database.hpp"

namespace shoal::tracker {

struct TokenRecord {
  std::string id;  // raw
  Sha256 secret_hash;
  identity::Role role = identity::Role::node;
  std::int64_t uses_left = 0;
  WallTime created;
  WallTime expires;
  Sha256 trust_root;  // fingerprint that the token pins; zeroes for tokens of before
};

struct EnrolmentRecord {
  NodeId machine;
  WallTime at;
};

Status insert_token(Session& session, const TokenRecord& token);
Result<std::optional<TokenRecord>> find_token(Session& session, const std::string& id);
/// In the order in which they expire.
Result<std::vector<TokenRecord>> all_tokens(Session& session);
/// Takes one use; false where none was left.
Result<bool> take_use(Session& session, const std::string& token_id);

Status insert_enrolment(Session& session, const std::string& token_id, const identity::SpkiPin& key, const EnrolmentRecord& enrolment);
Result<std::optional<EnrolmentRecord>> find_enrolment(Session& session, const std::string& token_id, const identity::SpkiPin& key);

/// Whether the token let a machine in since then.
Result<bool> enrolled_since(Session& session, const std::string& token_id, WallTime since);

Status insert_machine(Session& session, const registry::MachineRow& machine, const identity::SpkiPin& key, WallTime now);
/// False where there is no such machine in that role, or it was revoked.
Result<bool> prolong_machine(Session& session, const NodeId& id, identity::Role role, WallTime certificate_until);
/// In the order in which they enrolled.
Result<std::vector<registry::MachineRow>> all_machines(Session& session);

}  // namespace shoal::tracker
