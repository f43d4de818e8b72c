// What is to be done about a watched directory. Pure: what a scan saw, what is remembered, and a steady clock go in; one step comes out.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "seeder/watch_scan.hpp"

namespace shoal::seeder {

/// What survives a restart (STATE/watch). A directory without one was never begun.
struct WatchRecord {
  enum class Phase { begun, published, withdrawn };
  Phase phase = Phase::begun;
  fs::path directory;
  Sha256 print;                      // of what was published, or begun
  unsigned revision = 0;             // of the version that was published, or begun: 1 is "VERSION+1"
  std::optional<ReleaseId> release;  // published last; also while the next revision is begun
  bool operator==(const WatchRecord&) const = default;
};

/// One directory as this process knows it.
struct WatchMemory {
  std::optional<WatchRecord> record;
  Sha256 print;             // seen last
  bool seen = false;        // `print` holds
  SteadyTime since{};       // it has been so
  SteadyTime not_before{};  // of the next inspection or publication
  unsigned failures = 0;    // since it is so, one after the other
  bool inspected = false;   // what lies there is complete
  bool refused = false;     // the last publication failed, and nothing changed since
  std::string told;         // the problem that was said last
  std::optional<Sha256> told_change;
};

enum class WatchStep {
  nothing,
  inspect,    // read the headers, then call `inspected`
  publish,    // then call `published` or `failed`
  tell,       // `problem` of the directory
  changed,    // say that it is not any more what was published
  withdraw,   // the same, and withdraw the version
  unchanged,  // say that it is again what was published
};

/// One step. Problems, changes and recoveries come once each; `tell` and `changed` have been noted in `memory` when it returns.
WatchStep next_step(const WatchRule& rule, const SeenDirectory& seen, WatchMemory& memory, SteadyTime now);

/// After WatchStep::inspect. Says whether the problem is new.
bool inspected(WatchMemory& memory, const Status& result, SteadyTime now, std::chrono::milliseconds poll);
/// What is written down before the publication begins, so that a crash in the middle is finished and not repeated.
WatchRecord begin(const SeenDirectory& seen, const WatchMemory& memory);
/// The publication failed: tried again later, the later the more often it did. Says whether the problem is new.
bool failed(WatchMemory& memory, const Error& error, SteadyTime now, std::chrono::milliseconds poll);

/// What is told of a directory to those who watch the seeder.
enum class WatchState { waiting, settling, hashing, published, changed, refused, withdrawn };
inline constexpr std::array watch_state_names{"waiting", "settling", "hashing", "published", "changed", "refused", "withdrawn"};
/// Never `hashing`: only who hashes knows.
WatchState state_of(const WatchRule& rule, const SeenDirectory& seen, const WatchMemory& memory);

/// Whether a root that is empty or gone has lost its mount: it had directories before.
bool looks_unmounted(const Scan& now, std::size_t known_before);

}  // namespace shoal::seeder
