// What a failed operation on a TLS connection says about certificates.
#pragma once

#include <openssl/types.h>

#include <optional>
#include <string>

#include "base/asio.hpp"

namespace shoal::http {

/// Why the other side refused our certificate, where `error` is an alert that says so (RFC 8446, 6.2). In TLS 1.3 it arrives
/// with the first read, after the client's handshake has ended well.
std::optional<std::string> refused_certificate(const ErrorStatus& error);

/// One line for an error; where our side refused the peer's certificate, the reason.
std::string describe(const ErrorStatus& error, const SSL* ssl);

}  // namespace shoal::http
