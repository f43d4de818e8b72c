// The control socket's lines: how both ends find it, and how JSON and errors travel on it.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <memory>
#include <stop_token>

#include "base/files.hpp"
#include "base/json.hpp"

namespace shoal::node {

inline constexpr ByteCount control_limit = 16 * MiB;
inline constexpr const char* control_socket = "control.sock";

/// The path of a socket has room for 107 bytes; through a descriptor of its directory every state directory fits.
class ControlAddress {
 public:
  static Result<ControlAddress> in(const fs::path& state);
  const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&name_); }
  socklen_t size() const { return sizeof name_; }

 private:
  UniqueFd directory_;
  sockaddr_un name_{};
};

using ControlDeadline = std::chrono::steady_clock::time_point;

/// Reads one line after the other from a socket, which it borrows.
class ControlLines {
 public:
  explicit ControlLines(int socket) : socket_(socket) {}
  /// Without its end. Errors: the time is up, a stop is requested (code `interrupted`), the other end hung up, the line is too long.
  Result<std::string> next(ControlDeadline until, const std::stop_token& stop = {});

 private:
  int socket_;
  std::string rest_;
};

Status send_line(int socket, const Json& line, ControlDeadline until);

Json error_line(const Error& error);
/// The value, or the error that error_line made.
Result<Json> value_or_error(const std::string& line);

}  // namespace shoal::node
