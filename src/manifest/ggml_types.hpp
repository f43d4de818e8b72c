// For the sources of this folder.
#pragma once

#include <cstdint>
#include <string_view>

namespace shoal::manifest {

/// How ggml packs a type: so many elements in so many bytes.
struct GgmlPacking {
  std::uint32_t type;
  std::string_view name;
  std::uint64_t elements, bytes;
};
/// Nothing for types of later versions.
const GgmlPacking* ggml_packing(std::uint32_t type);

}  // namespace shoal::manifest
