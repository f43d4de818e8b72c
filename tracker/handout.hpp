// Which peers an announce is answered with: a policy without state, time or I/O.
#pragma once

#include <cstddef>
#include <vector>

#include "tracker/peer_store.hpp"
#include "tracker/random.hpp"

namespace shoal::tracker {

/// Indices into `peers` of at most `want` peers for `requester`:
///  1. never the requester, nor another endpoint of its machine; never a peer with port 0, or 1 (libtorrent's form of 0);
///  2. one who wants no more data gets only those who do: no seeds to seeds;
///  3. one who wants data gets every source first;
///  4. then peers of its own site, and, at random, those that have no site or of which the requester's is unknown;
///  5. of other sites only two: each machine of a site fetches its share of what comes from elsewhere (fanout/site_share.hpp), and needs
///     somebody to fetch it from. Who has nobody near is answered with whomever there is.
/// Within each group each place is drawn from two at random: it goes to the one that was handed out less. Else those who came first
/// would be known to everybody and the last to few, and who has few neighbours among many who have more gets a small part of each
/// one's upload (bench/simulate: the last of 100 nodes at 1.35 of the ideal, and at 1.13 with two to draw from).
std::vector<std::size_t> choose_peers(const std::vector<Peer>& peers, const Peer& requester, std::size_t want, const Random& random);

}  // namespace shoal::tracker
