// What a command asks of a running node, read from a line on the control socket. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/json.hpp"

namespace shoal::node {

struct ControlOrder {
  std::string command;  // "status", "gc", "limit"; any other is of another version
  bool dry_run = false;
  std::optional<ByteCount> upload, download;  // limits, in bytes per second
  std::chrono::seconds lasts{3600};           // a year at most
};

/// Members that are absent have their defaults; those of later versions are let pass. Code `usage` for a member of another type.
Result<ControlOrder> read_order(const Json& request);

}  // namespace shoal::node
