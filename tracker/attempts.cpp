#include "tracker/attempts.hpp"

#include "http/connection_caps.hpp"

namespace shoal::tracker {

bool AttemptLimit::is_over(const Window& window) const { return clock_.steady_now() - window.start >= std::chrono::minutes(1); }

bool AttemptLimit::allows(const std::string& address) {
  return windows_.with([&](Windows& windows) {
    auto found = windows.find(http::address_block(address));
    return found == windows.end() || is_over(found->second) || found->second.failures < most_;
  });
}

void AttemptLimit::failed(const std::string& address) {
  windows_.with([&](Windows& windows) {
    if (windows.size() >= most_addresses) std::erase_if(windows, [&](const auto& entry) { return is_over(entry.second); });
    if (windows.size() >= most_addresses) windows.clear();  // an attack from everywhere; forgetting beats growing
    Window& window = windows[http::address_block(address)];
    if (window.failures == 0 || is_over(window)) window = {clock_.steady_now(), 0};
    ++window.failures;
  });
}

}  // namespace shoal::tracker
