#include "cli/rate_meter.hpp"

namespace shoal::cli {
namespace {

constexpr std::chrono::seconds window{5};
constexpr std::chrono::seconds shortest{1};
constexpr std::chrono::milliseconds step{200};  // samples are no closer

std::chrono::milliseconds between(SteadyTime from, SteadyTime to) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(to - from);
}

}  // namespace

void RateMeter::add(SteadyTime now, ByteCount done) {
  if (samples_.empty() || done < samples_.back().done) {
    samples_.assign(1, {now, done});
    begun_ = moved_ = now;
    return;
  }
  if (done > samples_.back().done) moved_ = now;
  if (samples_.size() > 1 && now - samples_[samples_.size() - 2].at < step) samples_.back() = {now, done};
  else samples_.push_back({now, done});
  while (samples_.size() > 2 && now - samples_[1].at >= window) samples_.pop_front();
}

ByteCount RateMeter::rate() const {
  if (samples_.size() < 2) return 0;
  const auto span = between(samples_.front().at, samples_.back().at);
  if (span < shortest) return 0;
  return (samples_.back().done - samples_.front().done) * 1000 / static_cast<ByteCount>(span.count());
}

std::chrono::milliseconds RateMeter::idle() const {
  return samples_.empty() ? std::chrono::milliseconds(0) : between(moved_, samples_.back().at);
}

std::chrono::milliseconds RateMeter::age() const {
  return samples_.empty() ? std::chrono::milliseconds(0) : between(begun_, samples_.back().at);
}

}  // namespace shoal::cli
