// What the kernel knows of a connection.
#pragma once

#include <chrono>
#include <optional>

namespace shoal::mesh {

/// The shortest round trip of the last minutes (tcpi_min_rtt); nothing before one was measured.
std::optional<std::chrono::microseconds> shortest_round_trip(int fd);

}  // namespace shoal::mesh
