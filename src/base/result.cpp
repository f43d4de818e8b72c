#include "base/result.hpp"

#include <cerrno>
#include <cstring>

namespace shoal {

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::failed: return 1;
    case ErrorCode::conflict: return 1;
    case ErrorCode::usage: return 2;
    case ErrorCode::partial: return 3;
    case ErrorCode::not_found: return 10;
    case ErrorCode::verification: return 11;
    case ErrorCode::not_enrolled: return 12;
    case ErrorCode::unreachable: return 13;
    case ErrorCode::no_space: return 14;
    case ErrorCode::interrupted: return 130;
  }
  return 1;
}

std::string_view name(ErrorCode code) {
  switch (code) {
    case ErrorCode::failed: return "failed";
    case ErrorCode::conflict: return "conflict";
    case ErrorCode::usage: return "usage";
    case ErrorCode::partial: return "partial";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::verification: return "verification";
    case ErrorCode::not_enrolled: return "not_enrolled";
    case ErrorCode::unreachable: return "unreachable";
    case ErrorCode::no_space: return "no_space";
    case ErrorCode::interrupted: return "interrupted";
  }
  return "failed";
}

Error fail_errno(std::string_view what, int error_number) {
  ErrorCode code = ErrorCode::failed;
  if (error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG) code = ErrorCode::no_space;
  if (error_number == ENOENT) code = ErrorCode::not_found;
  char buffer[256];
  return {code, std::string(what) + ": " + ::strerror_r(error_number, buffer, sizeof buffer)};
}

}  // namespace shoal
