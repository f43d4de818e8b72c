// SIGINT and SIGTERM as a std::stop_token, SIGHUP as a count.
#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

#include "base/clock.hpp"

namespace shoal {

/// Blocks SIGINT and SIGTERM for the process and waits for them on a thread of its own; ignores SIGPIPE and SIGXFSZ, which come as errors
/// (EPIPE, EFBIG), too. Build it in main before any other thread starts. A second signal while stopping ends the process at once with exit
/// code 130. SIGHUP also stops it (not under nohup), unless a service manager sends it to have the configuration read again.
class Shutdown {
 public:
  Shutdown();
  Shutdown(const Shutdown&) = delete;
  Shutdown& operator=(const Shutdown&) = delete;
  ~Shutdown();

  std::stop_token token() const { return source_.get_token(); }
  bool requested() const { return source_.stop_requested(); }

  /// From now on SIGHUP is only counted.
  void count_hangups() { counting_ = true; }
  unsigned hangups() const { return hangups_; }

 private:
  void wait_for_signals();
  void take(int signal);

  std::stop_source source_;
  bool ignore_hangup_ = false;
  std::atomic<bool> counting_{false};
  std::atomic<unsigned> hangups_{0};
  unsigned stops_ = 0;  // on the thread below
  std::jthread thread_;
};

/// For a process that reads from file servers, which no thread can be called back from: ends it with exit code 0 when it was asked to stop
/// and has not ended by itself after so long. Build it before all that may hang; nothing may depend on its end.
class EndDeadline {
 public:
  EndDeadline(std::stop_token stop, std::chrono::milliseconds patience);

 private:
  std::jthread thread_;
};

/// Sleeps until the time has passed (true) or a stop is requested (false).
bool sleep_for(std::chrono::milliseconds duration, const std::stop_token& stop);

}  // namespace shoal
