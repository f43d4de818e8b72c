// One request to a server on this machine, without TLS: an inference server, a hook.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "http/client.hpp"

namespace shoal::http {

/// "http://127.0.0.1:8000/path?query", taken apart.
struct PlainUrl {
  HostPort server;
  std::string target;  // path and query; "" where the URL has none
};

/// Only plain http, and only to this machine (127.0.0.0/8, ::1, localhost): without TLS nothing else could be told apart from an
/// impostor. Code `usage`, with what to write instead. The port is 80 where there is none.
Result<PlainUrl> parse_plain_url(std::string_view text);

/// A connection of its own for each call; `timeout` is for all of it. Blocks; any thread. Any status is a success here. Redirects
/// are not followed. Errors: `failed` with the server's address, `interrupted`.
Result<Response> send_plain(const HostPort& server, const ClientRequest& request, const std::stop_token& stop);

}  // namespace shoal::http
