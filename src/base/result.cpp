#include "base/result.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

namespace shoal {

namespace {

struct Kind {
  ErrorCode code;
  std::string_view name;
  int exit;
};
constexpr Kind kinds[] = {{ErrorCode::failed, "failed", 1},
                          {ErrorCode::conflict, "conflict", 1},
                          {ErrorCode::usage, "usage", 2},
                          {ErrorCode::partial, "partial", 3},
                          {ErrorCode::not_found, "not_found", 10},
                          {ErrorCode::verification, "verification", 11},
                          {ErrorCode::not_enrolled, "not_enrolled", 12},
                          {ErrorCode::unreachable, "unreachable", 13},
                          {ErrorCode::no_space, "no_space", 14},
                          {ErrorCode::interrupted, "interrupted", 130}};

const Kind& kind_of(ErrorCode code) {
  return *std::find_if(std::begin(kinds), std::end(kinds), [&](const Kind& kind) { return kind.code == code; });
}

}  // namespace

int exit_code(ErrorCode code) { return kind_of(code).exit; }
std::string_view name(ErrorCode code) { return kind_of(code).name; }

const std::vector<ExitCode>& exit_codes() {
  static const std::vector<ExitCode> codes{
      {0, "success"},
      {1, "failed"},
      {2, "wrong usage, input or configuration"},
      {3, "only part of the work was done"},
      {10, "no such model, version, channel or token"},
      {11, "content or a signature does not verify"},
      {12, "this machine is not enrolled, its certificate has expired, or its role does not allow the command"},
      {13, "the tracker cannot be reached"},
      {14, "no space left"},
      {130, "interrupted by SIGINT or SIGTERM"}};
  return codes;
}

Error fail_errno(std::string_view what, int error_number) {
  ErrorCode code = ErrorCode::failed;
  if (error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG) code = ErrorCode::no_space;
  if (error_number == ENOENT) code = ErrorCode::not_found;
  char buffer[256];
  return {code, std::string(what) + ": " + ::strerror_r(error_number, buffer, sizeof buffer)};
}

}  // namespace shoal
