// The answers of announce and scrape on the wire: bencoding (BEP 3, 7, 23, 24, 48).
#pragma once

#include <string>

#include "tracker/announce.hpp"

namespace shoal::tracker {

/// Peers as strings of 6 and 18 bytes where the query asks for compact lists, otherwise as dictionaries.
std::string encode_announce(const AnnounceAnswer& answer, const AnnounceQuery& query);
std::string encode_scrape(const ScrapeAnswer& answer);
std::string encode_failure(const Error& error);

}  // namespace shoal::tracker
