// A range of an open file.
#pragma once

#include <span>

#include "base/files.hpp"

namespace shoal {

/// Reads until `into` is full or the file ends, and returns how many bytes it read. An error is of read(2) and names no path.
Result<std::size_t> read_at(const UniqueFd& file, ByteCount offset, std::span<char> into);

/// At most `length` bytes, fewer where the file ends. `path` is for the error.
Result<std::string> read_range(const UniqueFd& file, const fs::path& path, ByteCount offset, ByteCount length);

}  // namespace shoal
