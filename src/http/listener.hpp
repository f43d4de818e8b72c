// A listening socket, or a message that says what is in its way.
#pragma once

#include "base/asio.hpp"
#include "base/units.hpp"

namespace shoal::http {

/// Blocks where the host is a name.
Result<tcp::endpoint> listening_endpoint(const HostPort& listen);
Result<tcp::acceptor> open_listener(net::io_context& io, const HostPort& listen, const tcp::endpoint& endpoint);

}  // namespace shoal::http
