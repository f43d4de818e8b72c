#include "node/control_wire.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace shoal::node {
namespace {

using Steady = std::chrono::steady_clock;
constexpr std::chrono::milliseconds stop_look{100};  // a wait looks this often whether it is to stop

bool wait_for(int socket, short events, ControlDeadline until, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Steady::now());
    if (left.count() <= 0) return false;
    const auto step = stop.stop_possible() ? std::min(left, stop_look) : left;
    pollfd waiting{socket, events, 0};
    if (::poll(&waiting, 1, static_cast<int>(step.count())) == 1) return true;
  }
  return false;
}

ErrorCode code_from(const std::string& text) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::interrupted); ++code)
    if (name(static_cast<ErrorCode>(code)) == text) return static_cast<ErrorCode>(code);
  return ErrorCode::failed;
}

}  // namespace

Result<ControlAddress> ControlAddress::in(const fs::path& state) {
  ControlAddress address;
  SHOAL_TRY(address.directory_, open_file(state, O_PATH | O_DIRECTORY));
  address.name_.sun_family = AF_UNIX;
  const std::string text = "/proc/self/fd/" + std::to_string(address.directory_.get()) + "/" + control_socket;
  std::strncpy(address.name_.sun_path, text.c_str(), sizeof address.name_.sun_path - 1);
  return address;
}

Result<std::string> ControlLines::next(ControlDeadline until, const std::stop_token& stop) {
  char buffer[16384];
  std::size_t searched = 0;
  while (true) {
    if (const auto end = rest_.find('\n', searched); end != std::string::npos) {
      std::string line = rest_.substr(0, end);
      rest_.erase(0, end + 1);
      return line;
    }
    searched = rest_.size();
    if (searched >= control_limit) return fail("a line on the control socket is longer than " + format_bytes(control_limit));
    if (!wait_for(socket_, POLLIN, until, stop))
      return stop.stop_requested() ? fail(ErrorCode::interrupted, "interrupted")
                                   : fail("the other end of the control socket does not answer");
    const ssize_t n = ::recv(socket_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return fail("the other end of the control socket hung up");
    rest_.append(buffer, static_cast<std::size_t>(n));
  }
}

Status send_line(int socket, const Json& line, ControlDeadline until) {
  const std::string text = line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  std::size_t sent = 0;
  while (sent < text.size()) {
    if (!wait_for(socket, POLLOUT, until, {})) return fail("the other end of the control socket does not read");
    const ssize_t n = ::send(socket, text.data() + sent, text.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EINTR && errno != EAGAIN) return fail_errno("control socket", errno);
    if (n > 0) sent += static_cast<std::size_t>(n);
  }
  return {};
}

Json error_line(const Error& error) { return {{"error", {{"code", std::string(name(error.code))}, {"message", error.message}}}}; }

Result<Json> value_or_error(const std::string& line) {
  SHOAL_TRY(Json json, parse_json(line, control_limit).within("the running node's answer"));
  const auto error = json.find("error");
  if (error == json.end() || !error->is_object()) return json;
  const auto text = [&](const char* key, std::string otherwise) {
    const auto found = error->find(key);
    return found != error->end() && found->is_string() ? found->get<std::string>() : std::move(otherwise);
  };
  return fail(code_from(text("code", "failed")), text("message", "the running node refused"));
}

}  // namespace shoal::node
