// Input: a token. It is tried as it is, and with a checksum that fits, so that mutants reach what lies behind it.
#include "identity/token.hpp"

#include "base/encoding.hpp"
#include "crypto/digest.hpp"
#include "fuzz/fuzz.hpp"

using namespace shoal;
using identity::JoinToken;

namespace {

void try_token(std::string_view text) {
  Result<JoinToken> token = JoinToken::decode(text);
  if (!token.ok()) return;
  SHOAL_FUZZ_REQUIRE(token->id.size() == 10 && token->secret.size() == 32);
  Result<JoinToken> again = JoinToken::decode(token->encode());
  SHOAL_FUZZ_REQUIRE(again.ok() && again->encode() == token->encode());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(fuzz::text(data, size));
  try_token(text);
  std::string body = text.substr(0, text.rfind('.'));
  try_token(body + "." + to_base64url(crypto::sha256(body).view().substr(0, 4)));
  return 0;
}
