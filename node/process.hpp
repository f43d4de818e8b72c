// A command of the operator's, run with a deadline. Internal to node's hooks.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace shoal::node {

struct ProcessRequest {
  std::vector<std::string> arguments;                            // the first is the program: a path, or a name that is looked for in PATH
  std::vector<std::pair<std::string, std::string>> environment;  // beside ours, which loses SHOAL_* and what systemd gave to us alone
  std::chrono::steady_clock::time_point deadline;
};

/// Runs it in a process group of its own, with an empty signal mask, /dev/null as input and no descriptor of ours. At the deadline
/// or a stop the group gets SIGTERM, and two seconds later SIGKILL. What the program leaves running after a success is its own
/// business. Any thread. Errors: `failed` with the exit status and the last line of its output, `interrupted`; the message is what the
/// program did, such as "failed (exit 7): out of memory".
Status run_process(const ProcessRequest& request, const std::stop_token& stop);

}  // namespace shoal::node
