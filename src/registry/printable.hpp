// Text of a remote party, made fit for a terminal and a log.
#pragma once

#include <string>
#include <string_view>

namespace shoal::registry {

/// Valid UTF-8 without control characters (C0, DEL, C1), cut at `limit` bytes between characters.
std::string printable(std::string_view text, std::size_t limit = 500);

}  // namespace shoal::registry
