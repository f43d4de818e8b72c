// Hexadecimal, base64 (RFC 4648) and percent encoding (RFC 3986). Bytes are std::string / std::string_view.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace shoal {

/// Lower case.
std::string to_hex(std::string_view bytes);
/// Accepts both cases; an odd length or another character is an error.
Result<std::string> from_hex(std::string_view text);

/// Standard alphabet with padding (RFC 4648 section 4). Decoding is strict: padding required, no white space.
std::string to_base64(std::string_view bytes);
Result<std::string> from_base64(std::string_view text);

/// URL alphabet without padding (RFC 4648 section 5). Decoding is strict and refuses non-zero trailing bits.
std::string to_base64url(std::string_view bytes);
Result<std::string> from_base64url(std::string_view text);

/// Escapes all but the unreserved characters of RFC 3986.
std::string percent_encode(std::string_view bytes);
/// '%' without two hex digits is an error; '+' stays '+' (trackers must not read it as a space).
Result<std::string> percent_decode(std::string_view text);

/// Well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);
/// Whether the text has characters of the categories C0, DEL or C1.
bool has_control_characters(std::string_view text);
/// A stranger's text as it may stand in a message: valid UTF-8, '?' for control characters and bad bytes, at most `limit` bytes.
std::string printable(std::string_view text, std::size_t limit = 80);

}  // namespace shoal
