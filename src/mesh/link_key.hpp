// What a link is for: one machine and one info-hash.
#pragma once

#include <compare>
#include <string_view>

#include "base/ids.hpp"

namespace shoal::mesh {

struct LinkKey {
  NodeId peer;
  InfoHash info_hash;
  auto operator<=>(const LinkKey&) const = default;
};

/// When two machines dial each other at once, the dial of the smaller id wins. Both sides come to the same answer.
inline bool dial_of_first_wins(const NodeId& first, const NodeId& second) { return first < second; }

}  // namespace shoal::mesh
