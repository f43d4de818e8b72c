#include "base/shutdown.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "base/log.hpp"

namespace shoal {
namespace {

sigset_t awaited_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGINT);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGHUP);
  ::sigaddset(&set, SIGUSR2);  // the destructor's way to end the wait
  return set;
}

/// As nohup leaves it. A signal that is blocked is delivered to who waits for it even if it is to be ignored.
bool is_ignored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

void end_late(const std::stop_token& stop, std::chrono::milliseconds patience, const std::stop_token& ended) {
  std::mutex mutex;
  std::condition_variable_any wake;
  const std::stop_callback stopped(stop, [&] {
    std::lock_guard lock(mutex);
    wake.notify_all();
  });
  std::unique_lock lock(mutex);
  wake.wait(lock, ended, [&] { return stop.stop_requested(); });
  if (ended.stop_requested() || wake.wait_for(lock, ended, patience, [&] { return ended.stop_requested(); })) return;
  log::warn("shutdown_deadline_passed", {{"reason", "something waits for a file server that does not answer"}});
  ::_exit(0);
}

}  // namespace

Shutdown::Shutdown() : ignore_hangup_(is_ignored(SIGHUP)) {
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
  for (int received = 0; ::sigwait(&set, &received) == 0 && received != SIGUSR2;) take(received);
}

void Shutdown::take(int signal) {
  if (signal == SIGHUP && counting_) {
    ++hangups_;
    return;
  }
  if (signal == SIGHUP && ignore_hangup_) return;
  if (++stops_ > 1) ::_exit(130);
  source_.request_stop();
}

EndDeadline::EndDeadline(std::stop_token stop, std::chrono::milliseconds patience)
    : thread_([stop = std::move(stop), patience](const std::stop_token& ended) { end_late(stop, patience, ended); }) {}

bool sleep_for(std::chrono::milliseconds duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  return !wake.wait_for(lock, stop, duration, [&] { return stop.stop_requested(); }) && !stop.stop_requested();
}

}  // namespace shoal
