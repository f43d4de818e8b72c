// Where a fetch collects its files, and where they go when it is done.
#pragma once

#include <optional>

#include "node/destination.hpp"
#include "node/shelf.hpp"

namespace shoal::node {

struct PullPlace {
  fs::path incoming;
  fs::path target;
  bool present = false;  // target holds the release already
  bool fills = false;    // target stays the directory that it is, a mount point for example, and gets the files
};

/// On the shelf, or with `to` in a directory of the user's: code `usage` where that is taken, and the system's error, with the
/// path, where it cannot be made or written.
Result<PullPlace> choose_place(const Shelf& shelf, const std::optional<fs::path>& to, const ReleaseId& id);
Needs needs_of(const manifest::Release& release);
/// Whether what `root` does not hold already has room there. `directory` is its name for people. Code `no_space`.
Status check_space(const fs::path& root, const fs::path& directory, Needs needs);

bool same_file_system(const fs::path& a, const fs::path& b);
/// Where the files that shall be at `target`, outside of the state directory, are collected: what is here can be renamed to there.
fs::path staging_for(const Shelf& shelf, const fs::path& target, const ReleaseId& id);

}  // namespace shoal::node
