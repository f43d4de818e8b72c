#include "node/stall_view.hpp"

#include <utility>

#include "base/units.hpp"

namespace shoal::node {

using fanout::Stall;
using fanout::StallReason;

std::string stall_text(const Stall& stall) {
  if (stall.reason == StallReason::none) return "";
  return (stall.stalled ? "stalled for " + format_duration(stall.quiet) : "waiting") + ": " + stall.text;
}

std::string stall_text(const Json& stall) {
  const std::string text = stall.value("text", "");
  if (!stall.value("stalled", false)) return "waiting: " + text;
  return "stalled for " + format_duration(std::chrono::seconds(stall.value("seconds", 0))) + ": " + text;
}

Json stall_json(const Stall& stall) {
  if (stall.reason == StallReason::none) return {};
  return {{"reason", std::string(name(stall.reason))}, {"stalled", stall.stalled}, {"seconds", stall.quiet.count()}, {"text", stall.text}};
}

std::optional<StallNews::News> StallNews::next(const Stall& stall) {
  if (stall.stalled) longest_ = stall.quiet;
  const StallReason now = stall.stalled ? stall.reason : StallReason::none;
  const StallReason before = std::exchange(told_, now);
  if (now == before) return std::nullopt;
  const std::string reason(name(now == StallReason::none ? before : now));
  if (now == StallReason::none)
    return News{false,
                reason,
                {{"type", "resumed"}, {"reason", reason}, {"was", reason}, {"seconds", longest_.count()}},
                "goes on after " + format_duration(longest_) + " without data"};
  return News{
      true, reason, {{"type", "stalled"}, {"reason", reason}, {"text", stall.text}, {"seconds", stall.quiet.count()}}, stall_text(stall)};
}

}  // namespace shoal::node
