// Counts and lists as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

/// "1 node", "3 nodes"; `many` for a noun whose plural is not its singular with an s.
std::string counted(std::uint64_t count, std::string_view one, std::string_view many = {});

/// "a, b and 3 more": at most `most` of the words.
std::string listed(const std::vector<std::string>& words, std::size_t most);

}  // namespace shoal
