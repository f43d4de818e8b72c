// The head of a request, judged before anything of the body is read.
#pragma once

#include <optional>

#include "http/beast.hpp"
#include "http/message.hpp"

namespace shoal::http {

using RequestParser = wire::request_parser<wire::string_body>;
using RequestHead = wire::request<wire::string_body>;

/// The answer to a head that two implementations could read in two ways (RFC 9112, 6.3 and 11.2: both lengths, repeated lengths,
/// codings other than chunked, a repeated or missing Host), or that this server does not speak. None: go on.
std::optional<Response> objection(const RequestHead& head);

/// The answer to bytes that are no request; none for an end of the connection or a time-out, which get no answer.
std::optional<Response> answer_to(const ErrorStatus& parse_error);

/// Whether the client waits for "100 Continue" before it sends the body (RFC 9110, 10.1.1).
bool awaits_continue(const RequestHead& head);

/// Method, path, query and headers; the body is left empty. Headers that repeat are joined by ", ".
Request request_of(const RequestHead& head);

}  // namespace shoal::http
