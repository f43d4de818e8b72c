// What a command asks of a running node, read from a line on the control socket. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/json.hpp"

namespace shoal::node {

struct ControlOrder {
  std::string command;              // "status", "gc", "limit", "pin", "unpin", "pull", "repair"; any other is of another version
  std::string reference;            // of pull and repair; empty: every release
  bool allow_code_formats = false;  // of pull
  ReleaseId release;                // of pin and unpin
  std::string reason;               // of pin
  std::optional<WallTime> until;    // of pin: the end of a lease
  bool dry_run = false;
  std::optional<ByteCount> upload, download;  // limits, in bytes per second
  std::chrono::seconds lasts{3600};           // a year at most
};

/// Members that are absent have their defaults; those of later versions are let pass. Code `usage` for a member of another type.
Result<ControlOrder> read_order(const Json& request);

}  // namespace shoal::node
