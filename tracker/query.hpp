// The query strings of announce and scrape (BEP 3, 7, 21, 23, 48). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"

namespace shoal::tracker {

enum class Event { none, started, completed, stopped, paused };

inline constexpr std::size_t default_numwant = 50;
inline constexpr std::size_t most_numwant = 200;
inline constexpr std::size_t most_scraped = 64;

struct AnnounceQuery {
  InfoHash info_hash;
  std::string peer_id;     // 20 bytes
  std::uint16_t port = 0;  // 0 or 1: accepts no connections
  std::uint64_t uploaded = 0, downloaded = 0;
  std::string address;                // at which the caller says that others reach it; empty: where it is seen
  std::optional<std::uint64_t> left;  // none: unknown, which is not complete
  Event event = Event::none;
  std::size_t numwant = default_numwant;  // at most most_numwant
  bool compact = true;
  bool no_peer_id = false;
  std::string key;
  std::string tracker_id;
};

/// An error's message is meant for the client: it becomes the `failure reason`.
Result<AnnounceQuery> parse_announce(std::string_view query);
/// The hashes that were asked for, sorted, each once; at least one and at most most_scraped.
Result<std::vector<InfoHash>> parse_scrape(std::string_view query);

}  // namespace shoal::tracker
