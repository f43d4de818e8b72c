// The hashes of files that share pieces. Internal to the store.
#pragma once

#include "store/hash_pipeline.hpp"

namespace shoal::store {

/// Fills in the digests of all packed files and of their pieces. Workers take one piece after the other; a file that reaches into the next
/// piece is read to its end, so that its own digest needs no other worker. It is then read twice, and is shorter than a piece.
Status hash_packed(const fs::path& root, const Layout& layout, const HashOptions& options, const std::vector<FileStamp>& stamps,
                   ProgressMeter& progress, TreeHashes& hashes);

}  // namespace shoal::store
