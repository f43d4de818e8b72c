// What a service tells the service manager (systemd's sd_notify): that it is ready, that it is alive, how it goes, that it ends.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace shoal {

/// Whether a service manager started this process and reloads it with SIGHUP: $NOTIFY_SOCKET, or $INVOCATION_ID without a controlling
/// terminal. The second variable alone proves nothing: the shells of a desktop session inherit it.
bool has_service_manager();

/// From $NOTIFY_SOCKET and $WATCHDOG_USEC. Without a service manager everything here does nothing. A message that cannot be sent is
/// dropped: the service goes on, and its manager acts as it would for one that hangs.
class ServiceNotifier {
 public:
  struct Environment {
    std::string socket;                     // a path, or "@name" in the abstract name space; empty: nobody listens
    std::chrono::microseconds watchdog{0};  // silence for so long counts as a hang; 0: it does not
  };
  /// Of this process; a watchdog that is meant for another one ($WATCHDOG_PID) is not ours.
  static Environment environment();

  /// For one thread, that of the loop whose turns prove that the service is alive.
  explicit ServiceNotifier(const Clock& clock, Environment environment = ServiceNotifier::environment());
  ServiceNotifier(const ServiceNotifier&) = delete;
  ServiceNotifier& operator=(const ServiceNotifier&) = delete;
  /// Says that the service ends.
  ~ServiceNotifier();

  /// Once everything that others may reach is open.
  void ready(std::string_view status);
  /// Between a request to read the configuration again and the next `ready`.
  void reloading();
  /// At each turn of the loop: feeds the watchdog at half of its interval, and passes on a status that changed.
  void alive(std::string_view status);
  /// The longest that the loop may wait between two calls of `alive`.
  std::chrono::milliseconds longest_wait() const;

 private:
  void send(const std::string& message) const;

  const Clock& clock_;
  const Environment environment_;
  std::string status_;
  SteadyTime fed_{};
};

}  // namespace shoal
