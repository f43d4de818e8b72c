#include "tracker/tokens.hpp"

#include "base/encoding.hpp"
#include "identity/token.hpp"

namespace shoal::tracker {
namespace {

constexpr std::size_t shortest_beginning = 4;  // digits

Result<std::vector<TokenRecord>> beginning_with(Session& session, const std::string& digits) {
  std::vector<TokenRecord> found;
  SHOAL_TRY(auto tokens, all_tokens(session));
  for (TokenRecord& token : tokens)
    if (to_hex(token.id).starts_with(digits)) found.push_back(std::move(token));
  return found;
}

/// The hexadecimal digits with which the token's id begins.
std::string digits_of(const std::string& which) {
  auto token = identity::JoinToken::decode(which);
  return token.ok() ? to_hex(token->id) : which;
}

Error unknown(const std::string& which) {
  return fail(ErrorCode::not_found,
              "there is no token '" + printable(which, 24) + "': 'shoal token list' shows the ids of those that are open");
}

}  // namespace

Result<std::vector<TokenRecord>> open_tokens(Database& database, WallTime now) {
  SHOAL_TRY(auto tokens, database.read([](Session& session) { return all_tokens(session); }));
  std::erase_if(tokens, [&](const TokenRecord& token) { return token.uses_left <= 0 || token.expires <= now; });
  return tokens;
}

Result<TokenRecord> revoke_token(Database& database, const std::string& which) {
  const std::string digits = digits_of(which);
  if (digits.size() < shortest_beginning) return unknown(which);
  return database.write([&](Session& session) -> Result<TokenRecord> {
    SHOAL_TRY(auto found, beginning_with(session, digits));
    if (found.empty()) return unknown(digits);
    if (found.size() > 1)
      return fail(ErrorCode::usage, std::to_string(found.size()) + " tokens begin with '" + digits + "': give more digits of the id");
    SHOAL_CHECK(session.run("DELETE FROM tokens WHERE id = ?", {Value::blob(found.front().id)}));
    return std::move(found.front());
  });
}

}  // namespace shoal::tracker
