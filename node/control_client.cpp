// The commands' end of the control socket.
#include <sys/socket.h>

#include <cerrno>

#include "node/control.hpp"

namespace shoal::node {
namespace {

using Steady = std::chrono::steady_clock;
constexpr std::chrono::seconds request_patience{5}, last_word_patience{15};
constexpr std::chrono::hours step{1};  // of a wait without an end

/// A socket that is not open where no node runs.
Result<UniqueFd> connect_to_node(const fs::path& state) {
  const auto address = ControlAddress::in(state);
  if (!address.ok() && address.error().code == ErrorCode::not_found) return UniqueFd();  // no such directory: no machine has joined
  if (!address.ok()) return address.error();
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("control socket", errno);
  if (::connect(socket.get(), address->generic(), address->size()) == 0) return socket;
  if (errno == ENOENT || errno == ECONNREFUSED) return UniqueFd();
  const std::string path = (state / control_socket).string();
  if (errno == EACCES) return fail(path + ": only the user whose node runs here may give it orders: run this command as that user");
  return fail_errno(path, errno);
}

/// The node's answer to the wish to stop.
Status last_word(ControlLines& lines, const ControlServer::Say& heard) {
  const auto until = Steady::now() + last_word_patience;
  while (true) {
    auto line = lines.next(until);
    if (!line) return fail(ErrorCode::interrupted, "interrupted: the running node did not say whether it goes on; see 'shoal status'");
    SHOAL_TRY(const Json said, value_or_error(*line));
    if (!said.contains("event")) return {};
    heard(said["event"]);
  }
}

}  // namespace

Result<std::optional<Json>> ask_node(const fs::path& state, const Json& request, std::chrono::milliseconds deadline) {
  const auto until = Steady::now() + deadline;
  SHOAL_TRY(const UniqueFd socket, connect_to_node(state));
  if (!socket) return std::optional<Json>();
  SHOAL_CHECK(send_line(socket.get(), request, until));
  SHOAL_TRY(const std::string line, ControlLines(socket.get()).next(until));
  SHOAL_TRY(Json answer, value_or_error(line));
  return std::optional<Json>(std::move(answer));
}

Result<bool> have_node_work(const fs::path& state, const Json& request, const ControlServer::Say& heard, const std::stop_token& stop) {
  SHOAL_TRY(const UniqueFd socket, connect_to_node(state));
  if (!socket) return false;
  SHOAL_CHECK(send_line(socket.get(), request, Steady::now() + request_patience));
  ControlLines lines(socket.get());
  while (true) {
    auto line = lines.next(Steady::now() + step, stop);
    if (!line && stop.stop_requested()) {
      ::shutdown(socket.get(), SHUT_WR);  // the node takes the end of the requests for the wish to stop
      SHOAL_CHECK(last_word(lines, heard));
      return true;
    }
    if (!line)
      return fail("the running node ended before this was done: " + line.error().message + "; the same command goes on from there");
    SHOAL_TRY(const Json said, value_or_error(*line));
    if (!said.contains("event")) return true;
    heard(said["event"]);
  }
}

}  // namespace shoal::node
