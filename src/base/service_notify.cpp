#include "base/service_notify.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace shoal {
namespace {

constexpr std::size_t longest_status = 400;
constexpr std::chrono::milliseconds usual_wait{1000};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

long long number_in(const std::string& text) {
  long long number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

struct Address {
  sockaddr_un bytes{};
  socklen_t size = 0;
};

/// Only the two forms that are documented; anything else is no address.
std::optional<Address> address_of(const std::string& socket) {
  Address address;
  if (socket.size() < 2 || socket.size() >= sizeof address.bytes.sun_path) return std::nullopt;
  if (socket[0] != '/' && socket[0] != '@') return std::nullopt;
  address.bytes.sun_family = AF_UNIX;
  std::memcpy(address.bytes.sun_path, socket.data(), socket.size());
  if (socket[0] == '@') address.bytes.sun_path[0] = '\0';
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());
  return address;
}

/// One assignment a line is the whole protocol: a status must not bring another.
std::string one_line(std::string_view status) {
  std::string line(status.substr(0, longest_status));
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return line;
}

bool has_terminal() {
  const int terminal = ::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal >= 0) ::close(terminal);
  return terminal >= 0;
}

}  // namespace

bool has_service_manager() { return !variable("NOTIFY_SOCKET").empty() || (!variable("INVOCATION_ID").empty() && !has_terminal()); }

ServiceNotifier::Environment ServiceNotifier::environment() {
  Environment found;
  found.socket = variable("NOTIFY_SOCKET");
  const std::string pid = variable("WATCHDOG_PID");
  const long long interval = number_in(variable("WATCHDOG_USEC"));
  if (interval > 0 && (pid.empty() || number_in(pid) == ::getpid())) found.watchdog = std::chrono::microseconds(interval);
  return found;
}

ServiceNotifier::ServiceNotifier(const Clock& clock, Environment environment) : clock_(clock), environment_(std::move(environment)) {}

ServiceNotifier::~ServiceNotifier() { send("STOPPING=1\nSTATUS=ending"); }

void ServiceNotifier::ready(std::string_view status) {
  status_ = one_line(status);
  fed_ = clock_.steady_now();
  send("READY=1\nSTATUS=" + status_);
}

void ServiceNotifier::reloading() {
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(clock_.steady_now().time_since_epoch());
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count()));
}

void ServiceNotifier::alive(std::string_view status) {
  std::string message;
  if (std::string line = one_line(status); line != status_) {
    message = "STATUS=" + line;
    status_ = std::move(line);
  }
  const SteadyTime now = clock_.steady_now();
  if (environment_.watchdog.count() > 0 && now - fed_ >= environment_.watchdog / 2) {
    message += std::string(message.empty() ? "" : "\n") + "WATCHDOG=1";
    fed_ = now;
  }
  if (!message.empty()) send(message);
}

std::chrono::milliseconds ServiceNotifier::longest_wait() const {
  if (environment_.watchdog.count() == 0) return usual_wait;
  // A quarter, so that what is fed at half of the interval comes in time even when a turn was just missed.
  const auto quarter = std::chrono::floor<std::chrono::milliseconds>(environment_.watchdog / 4);
  return std::clamp(quarter, std::chrono::milliseconds(1), usual_wait);
}

void ServiceNotifier::send(const std::string& message) const {
  const auto address = address_of(environment_.socket);
  if (!address) return;
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return;
  const auto* to = reinterpret_cast<const sockaddr*>(&address->bytes);
  (void)::sendto(socket, message.data(), message.size(), MSG_NOSIGNAL, to, address->size);
  ::close(socket);
}

}  // namespace shoal
