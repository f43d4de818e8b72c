// An expected failure is a value: Result<T> holds a T or an Error. A subset of C++23's std::expected.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace shoal {

/// The kind of a failure. Each kind maps to one exit code of the process; result.cpp has the table of codes and their meanings.
enum class ErrorCode {
  failed,        // anything without a kind of its own
  usage,         // wrong flags, input or configuration
  partial,       // part of the work was done
  not_found,     // no such model, version, channel or token
  verification,  // content or a signature does not verify
  not_enrolled,  // no certificate, an expired one, one of another fleet, or the wrong role
  unreachable,   // the tracker does not answer
  no_space,      // ENOSPC, EDQUOT, EFBIG
  conflict,      // the object exists with other content, or somebody else changed it first
  interrupted,   // SIGINT or SIGTERM
};

/// The exit code of the process for this kind of failure.
int exit_code(ErrorCode code);

/// An exit code and its meaning, as help, man pages and docs/formats.md show it.
struct ExitCode {
  int code;
  std::string_view meaning;
};
/// All exit codes in ascending order, 0 included.
const std::vector<ExitCode>& exit_codes();
/// The name of the kind, as `--json` prints it: "verification", "no_space", ...
std::string_view name(ErrorCode code);

/// A failure and a message that names the object it happened to. Messages are lower case, without a full stop.
struct Error {
  ErrorCode code = ErrorCode::failed;
  std::string message;

  /// The same failure seen from one level up: "context: message".
  Error within(std::string_view context) && {
    message.insert(0, std::string(context) + ": ");
    return std::move(*this);
  }
};

inline Error fail(std::string message) { return {ErrorCode::failed, std::move(message)}; }
inline Error fail(ErrorCode code, std::string message) { return {code, std::move(message)}; }
/// An Error from errno: "what: strerror". ENOSPC, EDQUOT and EFBIG become no_space, ENOENT becomes not_found.
Error fail_errno(std::string_view what, int error_number);

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T value_or(T other) && { return ok() ? std::move(*this).value() : std::move(other); }

  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

  Result within(std::string_view context) && {
    if (ok()) return std::move(*this);
    return std::move(*this).error().within(context);
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}

  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  Error& error() & { return error_; }
  const Error& error() const& { return error_; }
  Error&& error() && { return std::move(error_); }

  Result within(std::string_view context) && {
    if (ok_) return {};
    return std::move(error_).within(context);
  }

 private:
  Error error_;
  bool ok_ = true;
};

using Status = Result<void>;

}  // namespace shoal

#define SHOAL_CONCAT_(a, b) a##b
#define SHOAL_CONCAT(a, b) SHOAL_CONCAT_(a, b)
/// SHOAL_TRY(auto x, f()); returns f's error from the enclosing function, or defines x.
#define SHOAL_TRY(declaration, expression) SHOAL_TRY_(declaration, expression, SHOAL_CONCAT(try_result_, __LINE__))
#define SHOAL_TRY_(declaration, expression, temporary)      \
  auto temporary = (expression);                            \
  if (!temporary.ok()) return std::move(temporary).error(); \
  declaration = std::move(temporary).value()
/// SHOAL_CHECK(f()); returns f's error from the enclosing function; f gives a Status or a Result whose value is not needed.
#define SHOAL_CHECK(expression) SHOAL_CHECK_(expression, SHOAL_CONCAT(check_result_, __LINE__))
#define SHOAL_CHECK_(expression, temporary)                                                  \
  do {                                                                                       \
    if (auto temporary = (expression); !temporary.ok()) return std::move(temporary).error(); \
  } while (false)
