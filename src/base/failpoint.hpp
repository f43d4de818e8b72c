// Places where a test lets the process die, as kill -9 or a power failure would. Compiled in always; armed by the environment alone.
#pragma once

#include <string_view>

namespace shoal {

/// True when SHOAL_FAILPOINT names this place: "journal.half" the first time it is passed, "journal.half@7" the seventh. Thread-safe.
bool at_failpoint(std::string_view name);

/// SIGKILL to this process: no destructor, no handler, no buffer is written.
[[noreturn]] void die();

inline void failpoint(std::string_view name) {
  if (at_failpoint(name)) die();
}

}  // namespace shoal
