// --advertise: the address at which others reach this machine, where the tracker sees another one.
#pragma once

#include <optional>

#include "cli/command.hpp"

namespace shoal::cli {

extern const Option advertise_option;

/// "10.0.0.5", "fd00::5", "10.0.0.5:7100", "[fd00::5]:7100"; port 0 where none is given. None without the option.
Result<std::optional<HostPort>> advertised(const Invocation& call);

}  // namespace shoal::cli
