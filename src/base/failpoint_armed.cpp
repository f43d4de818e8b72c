// What makes failpoints go off: SHOAL_FAILPOINT in the environment. Only programs for tests are linked with it.
#include <atomic>
#include <cstdlib>
#include <string>

#include "base/failpoint.hpp"

namespace shoal {
namespace {

struct Armed {
  std::string name;
  std::atomic<long> left{1};  // passes until it goes off

  Armed() {
    const char* text = std::getenv("SHOAL_FAILPOINT");
    if (text == nullptr) return;
    name = text;
    const std::size_t at = name.find('@');
    if (at == std::string::npos) return;
    left = std::strtol(name.c_str() + at + 1, nullptr, 10);
    name.resize(at);
  }
};

bool goes_off(std::string_view name) {
  static Armed armed;
  return !armed.name.empty() && name == armed.name && --armed.left == 0;
}

[[maybe_unused]] const bool linked = [] {
  arm_failpoints(goes_off);
  return true;
}();

}  // namespace
}  // namespace shoal
