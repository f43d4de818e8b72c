// The rules for names and sites of machines, the same for `join`, the tracker and `nodes rename`.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "registry/messages.hpp"

namespace shoal::registry {

inline constexpr std::size_t machine_name_limit = 64;

/// People read names and sites in lists and logs: up to 64 printable ASCII characters, and no space in a name. Both may be empty.
/// `usage` otherwise; `what` begins the message, such as "--name".
Status check_machine_name(std::string_view name, std::string_view what);
Status check_site(std::string_view site, std::string_view what);

/// The default name of a machine: its host name up to the first dot, without characters that a name may not have.
std::string name_from_host(std::string_view host_name);

/// How lists call a machine.
std::string name_or_id(const MachineRow& machine);

}  // namespace shoal::registry
