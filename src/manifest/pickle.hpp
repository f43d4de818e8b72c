// Whether bytes are a Python pickle (PEP 3154, 574, and pickletools.py for the opcodes). For the sources of this folder.
#pragma once

#include <string_view>

#include "base/units.hpp"

namespace shoal::manifest {

/// `head` is how a file of `file_size` bytes begins. Follows the opcodes as the unpickler would, with the depth of its stack, until they
/// end, break off or have shown enough: two bytes alone make no pickle. What calls something before it breaks off is one.
bool looks_like_pickle(std::string_view head, ByteCount file_size);

}  // namespace shoal::manifest
