// Recognises files that stand in for content that a tool has yet to fetch: git-lfs, git-annex, Xet and DVC. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/units.hpp"

namespace shoal::manifest {

/// Larger files are no pointers.
inline constexpr ByteCount pointer_limit = 32 * KiB;
/// As much of a file as pointer_problem() looks at.
inline constexpr ByteCount pointer_head = 512;

/// The kind of pointer that a file is, and how to get the content, for a message that begins with its path. Empty for every other file.
std::string pointer_problem(std::string_view head, ByteCount size);

}  // namespace shoal::manifest
