#include "identity/token.hpp"

#include <vector>

#include "crypto/digest.hpp"

namespace shoal::identity {
namespace {

constexpr std::string_view prefix = "shoal1.";
constexpr std::size_t checksum_bytes = 4;
constexpr std::size_t id_bytes = 10;
constexpr std::size_t secret_bytes = 32;
constexpr std::size_t text_limit = 1024;

std::string checksum(std::string_view body) { return to_base64url(crypto::sha256(body).view().substr(0, checksum_bytes)); }

Error mangled(std::string_view why) {
  return fail(ErrorCode::usage,
              "the join token is mangled (" + std::string(why) + "): copy it again, whole, or make another with shoal token create");
}

/// What a terminal or a mail adds around a token when it is copied.
std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  auto first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

/// The bytes of each field of "a.b.c".
Result<std::vector<std::string>> fields_of(std::string_view body) {
  std::vector<std::string> fields;
  while (true) {
    auto dot = body.find('.');
    SHOAL_TRY(std::string field, from_base64url(body.substr(0, dot)));
    fields.push_back(std::move(field));
    if (dot == std::string_view::npos) return fields;
    body.remove_prefix(dot + 1);
  }
}

Result<JoinToken> token_of(const std::vector<std::string>& fields) {
  if (fields.size() != 5 || fields[3].size() != id_bytes || fields[4].size() != secret_bytes) return fail("its fields do not fit");
  JoinToken token;
  SHOAL_TRY(token.tracker, parse_host_port(fields[0]));
  SHOAL_TRY(token.ca_pin, SpkiPin::from_raw(fields[1]));
  SHOAL_TRY(token.trust_root, Sha256::from_raw(fields[2]));
  token.id = fields[3];
  token.secret = fields[4];
  return token;
}

}  // namespace

std::string JoinToken::encode() const {
  std::string text = std::string(prefix) + to_base64url(tracker.str()) + "." + to_base64url(ca_pin.view()) + "." +
                     to_base64url(trust_root.view()) + "." + to_base64url(id) + "." + to_base64url(secret);
  return text + "." + checksum(text);
}

Result<JoinToken> JoinToken::decode(std::string_view text) {
  text = trimmed(text);
  if (text.size() > text_limit) return mangled("it is too long");
  if (!text.starts_with(prefix)) return mangled("it does not start with " + std::string(prefix));
  auto last_dot = text.rfind('.');
  std::string_view signed_part = text.substr(0, last_dot);
  if (signed_part.size() < prefix.size()) return mangled("it is cut off");
  if (text.substr(last_dot + 1) != checksum(signed_part)) return mangled("its checksum does not fit");
  auto fields = fields_of(signed_part.substr(prefix.size()));
  if (!fields.ok()) return mangled(fields.error().message);
  auto token = token_of(*fields);
  if (!token.ok()) return mangled(token.error().message);
  return token;
}

Sha256 hash_of_secret(std::string_view secret) { return crypto::sha256(secret); }

}  // namespace shoal::identity
