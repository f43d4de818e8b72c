#include "top/watcher.hpp"

#include "base/shutdown.hpp"

namespace shoal::top {
namespace {

constexpr std::chrono::milliseconds interval{2000};
constexpr int cost_factor = 20;  // a look takes at most a twentieth of the time

}  // namespace

Status Watcher::look() {
  auto rows = tracker_.nodes();
  auto status = rows.ok() ? tracker_.status() : Result<registry::FleetStatus>(rows.error());
  if (status.ok()) take(known_, *rows, *status, clock_.now());
  else known_.problem = status.error().message;
  *picture_.lock() = std::make_shared<const Picture>(known_);
  return status.ok() ? Status{} : Status(status.error());
}

void Watcher::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Watcher::run(const std::stop_token& stop) {
  std::chrono::milliseconds pause = interval;
  while (sleep_for(pause, stop)) {
    const SteadyTime began = clock_.steady_now();
    (void)look();  // the picture says what went wrong
    const auto cost = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady_now() - began);
    pause = std::max(interval, cost * cost_factor);
  }
}

std::shared_ptr<const Picture> Watcher::picture() const {
  return picture_.with([](const auto& picture) { return picture; });
}

}  // namespace shoal::top
