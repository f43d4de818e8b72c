// Where people name the tracker.
#pragma once

#include "base/units.hpp"

namespace shoal::cli {

/// The port of a tracker whose URL names none.
inline constexpr std::uint16_t tracker_port = 7443;

/// "https://tracker.example" or "https://tracker.example:8443".
inline Result<HostPort> parse_tracker_url(std::string_view text) { return parse_https_url(text, tracker_port); }

}  // namespace shoal::cli
