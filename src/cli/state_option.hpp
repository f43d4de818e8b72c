// --state of every command that runs on a machine of the fleet.
#pragma once

#include "cli/command.hpp"

namespace shoal::cli {

inline const Option state_option{
    .name = "--state", .value = "DIR", .help = "state directory of this machine", .fallback = "/var/lib/shoal", .config_key = "state"};

}  // namespace shoal::cli
