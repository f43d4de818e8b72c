#include "base/shutdown.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

namespace shoal {
namespace {

sigset_t awaited_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGINT);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGUSR2);  // the destructor's way to end the wait
  return set;
}

}  // namespace

Shutdown::Shutdown() {
  sigset_t set = awaited_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  thread_ = std::jthread([this] { wait_for_signals(); });
}

Shutdown::~Shutdown() {
  if (thread_.joinable()) ::pthread_kill(thread_.native_handle(), SIGUSR2);
}

void Shutdown::wait_for_signals() {
  sigset_t set = awaited_signals();
  for (int received = 0, count = 0; ::sigwait(&set, &received) == 0 && received != SIGUSR2;) {
    if (++count > 1) ::_exit(130);
    source_.request_stop();
  }
}

bool sleep_for(std::chrono::milliseconds duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  return !wake.wait_for(lock, stop, duration, [&] { return stop.stop_requested(); }) && !stop.stop_requested();
}

}  // namespace shoal
