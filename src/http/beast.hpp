// The one way to Beast and to Asio's TLS streams. Only this folder's sources include it.
#pragma once

#include "base/asio.hpp"

#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace shoal::http {
namespace beast = boost::beast;
namespace wire = boost::beast::http;
}  // namespace shoal::http
