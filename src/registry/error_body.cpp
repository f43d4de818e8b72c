#include "base/encoding.hpp"
#include "base/json.hpp"
#include "registry/messages.hpp"

namespace shoal::registry {
namespace {

/// What a tracker may say of us. `interrupted` and `partial` are for the command line to decide.
ErrorCode code_of(std::string_view text) {
  for (ErrorCode code : {ErrorCode::usage, ErrorCode::not_found, ErrorCode::verification, ErrorCode::not_enrolled, ErrorCode::unreachable,
                         ErrorCode::no_space, ErrorCode::conflict})
    if (name(code) == text) return code;
  return ErrorCode::failed;
}

/// For answers of something in between that is no tracker of ours.
Error error_of_status(int status) {
  std::string message = "the tracker answered with HTTP status " + std::to_string(status);
  if (status == 403) return fail(ErrorCode::not_enrolled, std::move(message));
  if (status == 503) return fail(ErrorCode::unreachable, std::move(message));
  return fail(std::move(message));
}

}  // namespace

Error decode_error(int status, std::string_view body) {
  auto json = parse_json(body, message_limit);
  if (!json.ok()) return error_of_status(status);
  JsonReader reader(*json, "error");
  if (!reader.ok()) return error_of_status(status);
  JsonReader error(reader.object("error"), "error");
  if (!error.ok()) return error_of_status(status);
  std::string code = error.string("code"), message = printable(error.string("message"), remark_limit);
  if (!error.ok() || message.empty()) return error_of_status(status);
  return fail(code_of(code), std::move(message));
}

}  // namespace shoal::registry
