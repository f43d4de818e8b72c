// The debug lines about links, from the dial to the end: `link.*`. docs/troubleshooting.md, "Following one link", explains them.
// Any thread. Bounded for each machine or address (log::debug_of).
#pragma once

#include "base/asio.hpp"
#include "mesh/link.hpp"

namespace shoal::mesh::link_log {

void dialling(const LinkKey& key, const tcp::endpoint& address);
/// The engine asked for the peer, and this comes of it: nothing was dialled, or the dial failed.
void not_dialled(const LinkKey& key, std::string_view why);
/// A connection that came in is not let in; `party` is the machine where it is known, else the address.
void refused(std::string_view party, std::string_view why);
void refused(const LinkKey& key, std::string_view why);
void accepted(const LinkKey& key, const tcp::socket& from);
/// An arrival that does not become a link at once.
void waiting(const LinkKey& key, std::string_view why);
void dropped(const LinkKey& key, std::string_view why);
void up(const LinkKey& key, bool dialled);
void down(const Link& link);

}  // namespace shoal::mesh::link_log
