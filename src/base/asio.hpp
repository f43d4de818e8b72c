// The one way to Asio. <utility> comes first: Boost 1.74 with GCC 12 does not compile its coroutines otherwise.
#pragma once

#include <utility>

#include <boost/asio.hpp>

namespace shoal {
namespace net = boost::asio;
using tcp = net::ip::tcp;
using ErrorStatus = boost::system::error_code;
}  // namespace shoal
