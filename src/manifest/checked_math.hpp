// Sums and products of numbers that a stranger chose. For the sources of this folder.
#pragma once

#include <cstdint>

namespace shoal::manifest {

/// False, and `total` unusable, where the result does not fit.
inline bool multiply(std::uint64_t& total, std::uint64_t factor) { return !__builtin_mul_overflow(total, factor, &total); }
inline bool add(std::uint64_t& total, std::uint64_t part) { return !__builtin_add_overflow(total, part, &total); }

}  // namespace shoal::manifest
