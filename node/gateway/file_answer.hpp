// The answer to a request for a file: status, which bytes, and the header fields that both dialects share. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "http/message.hpp"
#include "manifest/release.hpp"
#include "node/gateway/byte_range.hpp"

namespace shoal::gateway {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct FileAnswer {
  int status = 200;  // 200, 206, 304, 412 or 416
  Span bytes;        // to be sent; nothing where the status is not 200 or 206
  Fields fields;     // ETag, Accept-Ranges, Last-Modified, Content-Range
  bool has_bytes() const { return status == 200 || status == 206; }
};

/// By If-Match, If-None-Match, Range and If-Range, in the order of RFC 9110, 13.2.2. The entity tag is the SHA-256 of the file, so it is
/// strong. `modified` is when the release was made.
FileAnswer answer_for(const http::Request& request, const manifest::FileEntry& file, WallTime modified);

/// The file's SHA-256 in quotes.
std::string entity_tag(const manifest::FileEntry& file);
/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7).
std::string http_date(WallTime time);
/// The value of a header field; empty where there is none. `name` in lower case.
std::string header_of(const http::Request& request, const std::string& name);

}  // namespace shoal::gateway
