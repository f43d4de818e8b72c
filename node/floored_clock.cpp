#include "node/floored_clock.hpp"

namespace shoal::node {
namespace {

constexpr WallTime::rep a_minute = 60, a_day = 24 * 60 * 60;

WallTime at(WallTime::rep seconds) { return WallTime(std::chrono::seconds(seconds)); }

}  // namespace

FlooredClock::FlooredClock(const Clock& inner, const fs::path& state) : inner_(inner), file_(state / "document-time") {
  std::error_code ignored;
  fs::remove(state / "clock-floor", ignored);
  auto text = read_file(file_, 64);
  if (!text) return;
  if (text->ends_with('\n')) text->pop_back();
  auto time = parse_time(*text);
  if (!time) return;
  floor_ = saved_ = time->time_since_epoch().count();
}

WallTime FlooredClock::now() const { return std::max(inner_.now(), at(floor_)); }

void FlooredClock::raise(WallTime issued) {
  const auto wanted = std::min(issued, inner_.now() + clock_slack).time_since_epoch().count();
  auto before = floor_.load();
  while (before < wanted && !floor_.compare_exchange_weak(before, wanted)) {}
  if (wanted >= saved_ + a_minute) save(wanted);
}

void FlooredClock::agree(WallTime tracker_time) {
  const WallTime own = inner_.now();
  if (tracker_time > own + clock_slack || tracker_time < own - clock_slack) return raise(tracker_time);
  if (at(floor_) <= own + clock_slack) return raise(tracker_time);
  floor_ = tracker_time.time_since_epoch().count();
  save(floor_);
}

void FlooredClock::save(WallTime::rep floor) {
  saved_ = floor;
  (void)write_file_durably(file_, format_time(at(floor)) + "\n");
}

bool FlooredClock::suspect() const { return inner_.now() + std::chrono::seconds(a_day) < at(floor_); }

}  // namespace shoal::node
