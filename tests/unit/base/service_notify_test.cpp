#include "base/service_notify.hpp"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <optional>
#include <vector>

#include "doctest/doctest.h"

using namespace shoal;
using namespace std::chrono_literals;

namespace {

/// The socket that a service manager would listen on.
class Manager {
 public:
  explicit Manager(std::string name) : name_(std::move(name)), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name_.data(), name_.size());
    if (name_[0] == '@') address.sun_path[0] = '\0';
    auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
    REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  }
  ~Manager() {
    ::close(socket_);
    if (name_[0] == '/') std::filesystem::remove(name_);
  }

  /// Datagrams on a local socket are there when they were sent.
  std::optional<std::string> heard() {
    pollfd wait{socket_, POLLIN, 0};
    if (::poll(&wait, 1, 0) != 1) return std::nullopt;
    std::string message(4096, '\0');
    message.resize(static_cast<std::size_t>(::recv(socket_, message.data(), message.size(), 0)));
    return message;
  }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  int socket_;
};

std::string unique(const std::string& prefix) { return prefix + "shoal-notify-" + std::to_string(::getpid()); }

struct Variable {
  Variable(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Variable() { ::unsetenv(name_); }
  const char* name_;
};

}  // namespace

TEST_CASE("a service says that it is ready, and at its end that it stops, on a path and in the abstract name space") {
  for (const std::string& name : {unique((std::filesystem::temp_directory_path() / "").string()), unique("@")}) {
    Manager manager(name);
    ManualClock clock(WallTime{});
    {
      ServiceNotifier service(clock, {name, 0us});
      CHECK_FALSE(manager.heard());
      service.ready("all well");
      CHECK(manager.heard() == "READY=1\nSTATUS=all well");
    }
    CHECK(manager.heard() == "STOPPING=1\nSTATUS=ending");
    CHECK_FALSE(manager.heard());
  }
}

TEST_CASE("the watchdog is fed at half of its interval, and only by a loop that turns") {
  Manager manager(unique("@"));
  ManualClock clock(WallTime{});
  ServiceNotifier service(clock, {manager.name(), 30s});
  service.ready("up");
  CHECK(manager.heard());
  clock.advance(14s);
  service.alive("up");
  CHECK_FALSE(manager.heard());
  clock.advance(1s);
  service.alive("up");
  CHECK(manager.heard() == "WATCHDOG=1");
  service.alive("up");
  CHECK_FALSE(manager.heard());
  CHECK(service.longest_wait() <= 15s);
}

TEST_CASE("a status is sent when it changes, and cannot bring a line of its own") {
  Manager manager(unique("@"));
  ManualClock clock(WallTime{});
  ServiceNotifier service(clock, {manager.name(), 0us});
  service.ready("one");
  CHECK(manager.heard());
  service.alive("two\nMAINPID=1");
  CHECK(manager.heard() == "STATUS=two MAINPID=1");
  clock.advance(3600s);
  service.alive("two\nMAINPID=1");
  CHECK_FALSE(manager.heard());
}

TEST_CASE("without a manager, or with one that is gone, nothing happens") {
  ManualClock clock(WallTime{});
  for (const char* socket : {"", "/", "relative", "/nonexistent/socket"}) {
    ServiceNotifier service(clock, {socket, 0us});
    service.ready("up");
    service.alive("still up");
  }
  ServiceNotifier too_long(clock, {std::string(300, '/'), 0us});
  too_long.ready("up");
}

TEST_CASE("a short watchdog makes the loop turn often enough") {
  ManualClock clock(WallTime{});
  CHECK(ServiceNotifier(clock, {"", 2s}).longest_wait() == 500ms);
  CHECK(ServiceNotifier(clock, {"", 30s}).longest_wait() == 1000ms);
  CHECK(ServiceNotifier(clock, {"", 1us}).longest_wait() == 1ms);
}

TEST_CASE("the environment tells the socket, and the watchdog only where it is meant for this process") {
  Variable socket("NOTIFY_SOCKET", "/run/systemd/notify");
  Variable interval("WATCHDOG_USEC", "30000000");
  CHECK(ServiceNotifier::environment().socket == "/run/systemd/notify");
  CHECK(ServiceNotifier::environment().watchdog == 30s);
  {
    Variable other("WATCHDOG_PID", "1");
    CHECK(ServiceNotifier::environment().watchdog == 0us);
  }
  Variable own("WATCHDOG_PID", std::to_string(::getpid()));
  CHECK(ServiceNotifier::environment().watchdog == 30s);
  Variable nonsense("WATCHDOG_USEC", "soon");
  CHECK(ServiceNotifier::environment().watchdog == 0us);
}

TEST_CASE("a service that reads its configuration again says when it began to") {
  Manager manager(unique("@"));
  ManualClock clock(WallTime{});
  clock.advance(2s);
  ServiceNotifier service(clock, {manager.name(), 0us});
  service.reloading();
  CHECK(manager.heard() == "RELOADING=1\nMONOTONIC_USEC=2000000");
}
