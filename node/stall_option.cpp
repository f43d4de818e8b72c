#include "node/stall_option.hpp"

#include <algorithm>

namespace shoal::node {

const cli::Option& stall_after_option() {
  static const cli::Option option{.name = "--stall-after",
                                  .value = "TIME",
                                  .help = "call a fetch stalled when no data has arrived for this long",
                                  .fallback = "2m",
                                  .config_key = "stall_after",
                                  .rare = true};
  return option;
}

Status read_stall_option(const cli::Invocation& call, NodeOptions& options) {
  SHOAL_TRY(auto after, call.duration("--stall-after"));
  if (after < std::chrono::seconds(1)) return fail(ErrorCode::usage, "--stall-after must be at least 1s, such as 2m");
  options.stall.stalls_after = after;
  options.stall.waits_after = std::min(options.stall.waits_after, after / 2);
  return {};
}

}  // namespace shoal::node
