// Places where a test lets the process die, as kill -9 or a power failure would. Compiled in always, but nothing in the program that users
// run can set one off: that takes base/failpoint_armed.cpp, which only programs for tests are linked with (shoal_failpoints).
#pragma once

#include <string_view>

namespace shoal {

/// True when SHOAL_FAILPOINT names this place: "journal.half" the first time it is passed, "journal.half@7" the seventh. Thread-safe.
bool at_failpoint(std::string_view name);

/// From now on this function decides. Before threads are started.
void arm_failpoints(bool (*goes_off)(std::string_view name));

/// SIGKILL to this process: no destructor, no handler, no buffer is written.
[[noreturn]] void die();

inline void failpoint(std::string_view name) {
  if (at_failpoint(name)) die();
}

}  // namespace shoal
