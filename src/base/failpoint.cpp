#include "base/failpoint.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>

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

}  // namespace

bool at_failpoint(std::string_view name) {
  static Armed armed;
  return !armed.name.empty() && name == armed.name && --armed.left == 0;
}

void die() {
  ::kill(::getpid(), SIGKILL);
  while (true) ::pause();
}

}  // namespace shoal
