// Names to addresses, with a deadline.
#pragma once

#include <chrono>
#include <stop_token>
#include <vector>

#include "base/asio.hpp"
#include "base/units.hpp"

namespace shoal::http {

/// In the order in which they should be tried. Blocks until the deadline at most. Errors: `unreachable`, `interrupted`.
Result<std::vector<tcp::endpoint>> resolve(const HostPort& host, std::chrono::steady_clock::time_point deadline,
                                           const std::stop_token& stop);

}  // namespace shoal::http
