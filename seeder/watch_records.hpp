// What `shoal seed --watch` remembers over restarts: STATE/watch/<SHA-256 of the directory's path>.json
#pragma once

#include <optional>

#include "seeder/watch_decision.hpp"

namespace shoal::seeder {

/// One thread for one directory at a time.
class WatchRecords {
 public:
  explicit WatchRecords(const fs::path& state) : directory_(state / "watch") {}
  /// Durable when it returns.
  Status save(const WatchRecord& record) const;
  /// None where there is none; an error where it cannot be read.
  Result<std::optional<WatchRecord>> load(const fs::path& directory) const;

 private:
  fs::path file(const fs::path& directory) const;
  fs::path directory_;
};

}  // namespace shoal::seeder
