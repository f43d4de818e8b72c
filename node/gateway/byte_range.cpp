#include "node/gateway/byte_range.hpp"

#include <algorithm>
#include <charconv>

namespace shoal::gateway {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Digits alone. A number that is too large for 64 bits is beyond the end of any file.
std::optional<ByteCount> number(std::string_view digits) {
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  ByteCount value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return read.ec == std::errc::result_out_of_range ? ~ByteCount{0} : value;
}

RangeVerdict part(ByteCount first, ByteCount length) { return {RangeVerdict::Kind::part, {first, length}}; }
RangeVerdict beyond_the_end() { return {RangeVerdict::Kind::unsatisfiable, {}}; }

/// "-N": the last N bytes.
RangeVerdict suffix(std::string_view digits, ByteCount size) {
  const auto wanted = number(digits);
  if (!wanted) return {};
  if (*wanted == 0 || size == 0) return beyond_the_end();
  const ByteCount length = std::min(*wanted, size);
  return part(size - length, length);
}

bool is_named_unit(std::string_view unit) {
  constexpr std::string_view bytes = "bytes";
  return unit.size() == bytes.size() && std::equal(unit.begin(), unit.end(), bytes.begin(), [](char a, char b) { return (a | 0x20) == b; });
}

}  // namespace

RangeVerdict read_range_header(std::string_view header, ByteCount size) {
  const auto equals = header.find('=');
  if (equals == std::string_view::npos || !is_named_unit(trimmed(header.substr(0, equals)))) return {};
  const std::string_view range = trimmed(header.substr(equals + 1));
  const auto dash = range.find('-');
  if (dash == std::string_view::npos || range.find(',') != std::string_view::npos) return {};
  if (dash == 0) return suffix(range.substr(1), size);
  const auto first = number(range.substr(0, dash));
  const std::string_view end = range.substr(dash + 1);
  const auto last = end.empty() ? ~ByteCount{0} : number(end);
  if (!first || !last || *last < *first) return {};
  if (size == 0 && *first == 0) return part(0, 0);
  if (*first >= size) return beyond_the_end();
  return part(*first, std::min(*last, size - 1) - *first + 1);
}

std::string content_range(const Span& part, ByteCount size) {
  const ByteCount last = part.length == 0 ? part.first : part.first + part.length - 1;
  return "bytes " + std::to_string(part.first) + "-" + std::to_string(last) + "/" + std::to_string(size);
}

std::string unsatisfied_range(ByteCount size) { return "bytes */" + std::to_string(size); }

bool lists_tag(std::string_view list, std::string_view tag, bool weak) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    std::string_view one = trimmed(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (weak && one.starts_with("W/")) one.remove_prefix(2);
    if (one == "*" || one == tag) return true;
  }
  return false;
}

}  // namespace shoal::gateway
