// One-time links: who may write the tracker's state directory may open the page.
#pragma once

#include "base/clock.hpp"
#include "base/files.hpp"

namespace shoal::page {

/// How long a link may wait to be opened.
inline constexpr std::chrono::minutes link_life{5};
/// Not opened yet; with one more, the oldest is void.
inline constexpr std::size_t most_links = 32;

/// Where `shoal page` finds the page of the tracker in `state`: its origin, such as http://127.0.0.1:7480.
Status write_origin(const fs::path& state, const std::string& origin);
void forget_origin(const fs::path& state);
/// `not_found` where no page is served, with what to do.
Result<std::string> read_origin(const fs::path& state);

/// The secret of a new link. On the disk is a file named by its hash, readable by its owner alone.
Result<std::string> make_link(const fs::path& state, WallTime now);
/// True once for a secret that make_link gave in the last minutes. Whoever removes the file has used the link, so that two cannot.
bool use_link(const fs::path& state, const std::string& secret, WallTime now);

}  // namespace shoal::page
