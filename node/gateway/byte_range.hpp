// Which bytes of a file a request wants, by RFC 9110. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/units.hpp"

namespace shoal::gateway {

/// Bytes of a file.
struct Span {
  ByteCount first = 0;
  ByteCount length = 0;
  bool operator==(const Span&) const = default;
};

/// The meaning of a Range header for a file (RFC 9110, 14.2).
struct RangeVerdict {
  enum class Kind {
    whole,          // none, or one that is to be ignored: another unit, a form that is not valid, several ranges
    part,           // one range
    unsatisfiable,  // beyond the end of the file: 416
  };
  Kind kind = Kind::whole;
  Span part = {};
  bool operator==(const RangeVerdict&) const = default;
};

/// Several ranges are answered with the whole file, which RFC 9110 allows: no client of models sends them. The first byte of an empty file
/// is what the Hub's clients ask for to learn its size: RFC 9110 has no such part, and they accept "bytes 0-0/0" alone.
RangeVerdict read_range_header(std::string_view header, ByteCount size);

/// "bytes 0-9/100", or "bytes */100" where no range can be satisfied.
std::string content_range(const Span& part, ByteCount size);
std::string unsatisfied_range(ByteCount size);

/// Whether a list of entity tags has this one, or is "*". `weak` also matches W/"..." (If-None-Match; If-Match compares strongly).
bool lists_tag(std::string_view list, std::string_view tag, bool weak);

}  // namespace shoal::gateway
