#include "node/control.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace shoal::node {
namespace {

using Steady = std::chrono::steady_clock;
constexpr const char* socket_name = "control.sock";
constexpr std::chrono::seconds caller_patience{5};
constexpr int backlog = 16;

/// The path of a socket has room for 107 bytes; through a descriptor of its directory every state directory fits.
struct Address {
  UniqueFd directory;
  sockaddr_un name{};
};
Result<Address> address_in(const fs::path& state) {
  Address address;
  SHOAL_TRY(address.directory, open_file(state, O_PATH | O_DIRECTORY));
  address.name.sun_family = AF_UNIX;
  const std::string text = "/proc/self/fd/" + std::to_string(address.directory.get()) + "/" + socket_name;
  std::strncpy(address.name.sun_path, text.c_str(), sizeof address.name.sun_path - 1);
  return address;
}

const sockaddr* generic(const Address& address) { return reinterpret_cast<const sockaddr*>(&address.name); }

bool wait_for(int fd, short events, Steady::time_point until) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Steady::now()).count();
  pollfd waiting{fd, events, 0};
  return left > 0 && ::poll(&waiting, 1, static_cast<int>(left)) == 1;
}

Status send_line(int fd, const std::string& line, Steady::time_point until) {
  std::size_t sent = 0;
  while (sent < line.size()) {
    if (!wait_for(fd, POLLOUT, until)) return fail("the other end of the control socket does not read");
    const ssize_t n = ::send(fd, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR && errno != EAGAIN) return fail_errno("control socket", errno);
    if (n > 0) sent += static_cast<std::size_t>(n);
  }
  return {};
}

Result<std::string> receive_line(int fd, Steady::time_point until) {
  std::string line;
  char buffer[16384];
  while (line.size() < control_limit) {
    if (!wait_for(fd, POLLIN, until)) return fail("the other end of the control socket does not answer");
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail("the other end of the control socket hung up");
    line.append(buffer, static_cast<std::size_t>(n));
    if (line.back() == '\n') return line;
  }
  return fail("a line on the control socket is longer than " + format_bytes(control_limit));
}

Json error_json(const Error& error) { return {{"error", {{"code", std::string(name(error.code))}, {"message", error.message}}}}; }

ErrorCode code_from(const std::string& text) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::interrupted); ++code)
    if (name(static_cast<ErrorCode>(code)) == text) return static_cast<ErrorCode>(code);
  return ErrorCode::failed;
}

Result<Json> read_answer(const std::string& line) {
  SHOAL_TRY(Json json, parse_json(line, control_limit).within("the running node's answer"));
  auto error = json.find("error");
  if (error == json.end() || !error->is_object()) return json;
  const auto text = [&](const char* key, std::string otherwise) {
    const auto found = error->find(key);
    return found != error->end() && found->is_string() ? found->get<std::string>() : std::move(otherwise);
  };
  return fail(code_from(text("code", "failed")), text("message", "the running node refused"));
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::start(const fs::path& state, Answer answer) {
  SHOAL_TRY(Address address, address_in(state));
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!listener || !wake) return fail_errno("control socket", errno);
  const fs::path path = state / socket_name;
  (void)::unlink(path.c_str());  // of a node that was killed: the directory's lock says that none runs
  // Made with the owner's rights alone, so that there is no moment in which others may connect.
  if (::fchmod(listener.get(), 0600) != 0) return fail_errno(path.string(), errno);
  if (::bind(listener.get(), generic(address), sizeof address.name) != 0 || ::chmod(path.c_str(), 0600) != 0 ||
      ::listen(listener.get(), backlog) != 0)
    return fail_errno(path.string(), errno);
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(listener), std::move(wake), path, std::move(answer)));
}

ControlServer::ControlServer(UniqueFd listener, UniqueFd wake, fs::path path, Answer answer)
    : listener_(std::move(listener)), wake_(std::move(wake)), path_(std::move(path)), answer_(std::move(answer)) {
  thread_ = std::jthread([this] { serve(); });
}

ControlServer::~ControlServer() {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
  thread_.join();
  (void)::unlink(path_.c_str());
}

void ControlServer::serve() {
  while (true) {
    pollfd waiting[] = {{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    if (::poll(waiting, 2, -1) < 0 && errno != EINTR) return;
    if (waiting[1].revents != 0) return;
    UniqueFd caller(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (caller) attend(std::move(caller));
  }
}

void ControlServer::attend(UniqueFd caller) {
  const auto until = Steady::now() + caller_patience;
  auto line = receive_line(caller.get(), until);
  if (!line) return;
  auto request = parse_json(*line, control_limit);
  Result<Json> answer = request.ok() ? answer_safely(*request) : Result<Json>(std::move(request).error());
  (void)send_line(caller.get(),
                  (answer.ok() ? *answer : error_json(answer.error())).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n",
                  Steady::now() + caller_patience);
}

/// A request that makes the node stumble costs its caller the answer, not the node its thread.
Result<Json> ControlServer::answer_safely(const Json& request) {
  if (!request.is_object()) return fail(ErrorCode::usage, "a request on the control socket must be a JSON object");
  try {
    return answer_(request);
  } catch (const std::exception& problem) {
    return fail(ErrorCode::usage, std::string("the request cannot be answered: ") + problem.what());
  }
}

Result<std::optional<Json>> ask_node(const fs::path& state, const Json& request, std::chrono::milliseconds deadline) {
  SHOAL_TRY(Address address, address_in(state));
  const auto until = Steady::now() + deadline;
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("control socket", errno);
  if (::connect(socket.get(), generic(address), sizeof address.name) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return std::optional<Json>();
    return fail_errno((state / socket_name).string(), errno);
  }
  SHOAL_CHECK(send_line(socket.get(), request.dump() + "\n", until));
  SHOAL_TRY(std::string line, receive_line(socket.get(), until));
  SHOAL_TRY(Json answer, read_answer(line));
  return std::optional<Json>(std::move(answer));
}

}  // namespace shoal::node
