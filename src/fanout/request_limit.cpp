#include "fanout/request_limit.hpp"

#include <algorithm>

namespace shoal::fanout {
namespace {

constexpr ByteCount block = 16 * KiB;
constexpr unsigned fewest = 3, most = 4000;
constexpr std::chrono::microseconds queue = std::chrono::milliseconds(125);
constexpr std::chrono::microseconds longest_way = std::chrono::seconds(2);

}  // namespace

std::optional<unsigned> RequestLimit::after_second(ByteCount sent, std::chrono::microseconds round_trip) {
  const ByteCount rate = std::max(sent, before_);
  before_ = sent;
  if (rate == 0) return std::nullopt;
  const auto time = queue + std::clamp(round_trip, std::chrono::microseconds(0), longest_way);
  const double blocks = static_cast<double>(rate) / static_cast<double>(block) * std::chrono::duration<double>(time).count();
  const auto limit = std::clamp(static_cast<unsigned>(std::min(blocks, 1e6)) + 1, fewest, most);
  // Smaller changes than a quarter are not worth a message.
  if (announced_ != 0 && limit * 4 <= announced_ * 5 && limit * 5 >= announced_ * 4) return std::nullopt;
  announced_ = limit;
  return limit;
}

}  // namespace shoal::fanout
