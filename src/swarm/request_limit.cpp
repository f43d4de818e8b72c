#include "swarm/request_limit.hpp"

#include <algorithm>

namespace shoal::swarm {
namespace {

constexpr ByteCount block = 16 * KiB;
constexpr unsigned fewest = 4, most = 4000;

}  // namespace

std::optional<unsigned> RequestLimit::after_second(ByteCount sent) {
  const ByteCount rate = std::max(sent, before_);
  before_ = sent;
  if (rate == 0) return std::nullopt;
  const auto limit = static_cast<unsigned>(std::clamp<ByteCount>(rate / 4 / block + 1, fewest, most));
  // A change of a quarter is worth a message.
  if (told_ != 0 && limit * 4 <= told_ * 5 && limit * 5 >= told_ * 4) return std::nullopt;
  told_ = limit;
  return limit;
}

}  // namespace shoal::swarm
