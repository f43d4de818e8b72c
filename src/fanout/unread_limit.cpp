#include "fanout/unread_limit.hpp"

#include <algorithm>
#include <utility>

namespace shoal::fanout {

std::optional<const char*> UnreadLimit::judge(const SendBuffer& buffer) const {
  const ByteCount messages = buffer.waiting - std::min(buffer.waiting, buffer.payload);
  if (messages > most_) return "it asks and does not read the answers";
  return std::nullopt;
}

std::optional<const char*> UnreadLimit::judge(const SendBuffer& buffer, SteadyTime now) {
  const SendBuffer before = std::exchange(last_, buffer);
  const bool moved = buffer.sent != before.sent || buffer.waiting < before.waiting;
  if (moved || buffer.waiting == 0 || !buffer.on_the_peer) stuck_since_.reset();
  else if (!stuck_since_) stuck_since_ = now;
  else if (now - *stuck_since_ >= patience) return "it has not read for a minute";
  return judge(buffer);
}

}  // namespace shoal::fanout
