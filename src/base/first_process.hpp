// Shoal as the first process of a container, where no init reaps what hooks leave behind.
#pragma once

#include <functional>

namespace shoal {

/// Runs `work` and returns its exit code. Where this is process 1, `work` runs in a child, with a process group of its own and the
/// terminal; this process passes signals on to it, reaps orphans, and ends with it (128 + signal where a signal ended it). Elsewhere it is
/// a plain call. Before the first thread.
int run_below_reaper(const std::function<int()>& work);

/// The same for tests, in any process: `work` always runs in a child.
int run_in_reaped_child(const std::function<int()>& work);

}  // namespace shoal
