// What the tracker's database need not keep any more. The bounds are in docs/operations.md.
#pragma once

#include <chrono>

#include "base/clock.hpp"
#include "tracker/database.hpp"

namespace shoal::tracker {

/// Of a channel's history the newest are kept; each move deletes what is beyond.
inline constexpr std::int64_t most_history = 1000;
/// Tokens that expired, or were used up, are known for so long: whoever comes with one is told which of the two it was.
inline constexpr std::chrono::days token_memory{30};
/// Which key used which token; a lost answer is given again for ten minutes.
inline constexpr std::chrono::days enrolment_memory{1};
/// Metainfos of withdrawn releases, and machines that were removed: for as long as somebody may still come with an old certificate or
/// request.
inline constexpr std::chrono::days leftover_memory{2};

struct Swept {
  std::int64_t tokens = 0, enrolments = 0, machines = 0, metainfos = 0, deletions = 0;
  bool operator==(const Swept&) const = default;
};

/// Deletes at most a thousand rows of each kind, in one transaction; the next call goes on. Blocks on the disk.
Result<Swept> sweep_database(Database& database, WallTime now);

}  // namespace shoal::tracker
