// `shoal token list` and `shoal token revoke`: on the tracker's host, by whoever may write the tracker's state.
#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/wording.hpp"
#include "tracker/command_parts.hpp"
#include "tracker/tokens.hpp"

namespace shoal::tracker {
namespace {

Json token_line(const char* type, const TokenRecord& token) {
  return {{"type", type},
          {"id", to_hex(token.id)},
          {"role", std::string(name(token.role))},
          {"uses_left", token.uses_left},
          {"created", format_time(token.created)},
          {"expires", format_time(token.expires)}};
}

std::string uses_text(const TokenRecord& token) { return counted(static_cast<std::uint64_t>(token.uses_left), "use left", "uses left"); }

std::string token_text(const TokenRecord& token, WallTime now) {
  return to_hex(token.id) + "  " + std::string(name(token.role)) + "  " + uses_text(token) + "  expires in " +
         format_duration(token.expires - now);
}

Status run_token_list(cli::Invocation& call) {
  const WallTime now = SystemClock().now();
  SHOAL_TRY(Database database, database_of(call));
  SHOAL_TRY(auto tokens, open_tokens(database, now));
  for (const TokenRecord& token : tokens) call.out.result(token_line("token", token), token_text(token, now));
  if (tokens.empty()) call.out.message("no token is open: 'shoal token create' makes one");
  return {};
}

cli::Command token_list_command() {
  return {.path = "token list",
          .summary = "show the tokens with which machines can still join",
          .details =
              "Shows the id, role, uses left and expiry of each token. The secret of a token is shown only when the token is made.\n\n"
              "Example: shoal token list",
          .positionals = {},
          .options = {state_option},
          .run = run_token_list,
          .topic = cli::topic_set_up,
          .also = {"tokens", "token ls", "token show"},
          .failures = {ErrorCode::not_found, ErrorCode::not_enrolled, ErrorCode::no_space}};
}

Status run_token_revoke(cli::Invocation& call) {
  SHOAL_TRY(Database database, database_of(call));
  SHOAL_TRY(TokenRecord token, revoke_token(database, call.get("TOKEN")));
  log::info("token_revoked", {{"token", to_hex(token.id)}, {"role", name(token.role)}, {"uses_left", token.uses_left}});
  call.out.result(token_line("token_revoked", token), "token " + to_hex(token.id) + " is revoked: no machine can join with it any more");
  return {};
}

cli::Command token_revoke_command() {
  return {.path = "token revoke",
          .summary = "take back a token, so that no machine can join with it any more",
          .details =
              "Works while the tracker runs. Machines that joined with the token stay in the fleet: shut those out with "
              "'shoal nodes revoke'.\n\n"
              "Example: shoal token revoke 9f27c4",
          .positionals = {{"TOKEN", "its id as 'shoal token list' shows it, the first digits of it, or the token itself", true}},
          .options = {state_option},
          .run = run_token_revoke,
          .topic = cli::topic_set_up,
          .also = {"token delete", "token remove", "token rm"},
          .failures = {ErrorCode::not_found, ErrorCode::not_enrolled, ErrorCode::no_space}};
}

}  // namespace

std::vector<cli::Command> token_commands() { return {token_list_command(), token_revoke_command()}; }

}  // namespace shoal::tracker
