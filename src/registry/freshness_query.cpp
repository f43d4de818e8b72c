#include "registry/freshness_query.hpp"

#include <algorithm>
#include <charconv>

#include "base/encoding.hpp"

namespace shoal::registry {
namespace {

constexpr std::size_t digits = manifest::place_bits / 4;

std::string hex_of(manifest::ChannelPlace place) {
  constexpr std::string_view alphabet = "0123456789abcdef";
  std::string text;
  for (unsigned shift = manifest::place_bits; shift > 0;) text += alphabet[place >> (shift -= 4) & 0xf];
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t end = std::min(text.find(separator, from), text.size());
    parts.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return parts;
}

}  // namespace

std::string encode_places(const std::vector<manifest::ChannelPlace>& places) {
  std::string text;
  for (manifest::ChannelPlace place : places) text += (text.empty() ? "" : ",") + hex_of(place);
  return text;
}

Result<std::vector<manifest::ChannelPlace>> decode_places(std::string_view text) {
  // Before it is taken apart: what is longer has too many.
  if (text.size() > most_places * (digits + 1)) return fail(ErrorCode::usage, "places: more than " + std::to_string(most_places));
  std::vector<manifest::ChannelPlace> places;
  for (std::string_view part : split(text, ',')) {
    manifest::ChannelPlace place = 0;
    auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), place, 16);
    if (part.size() != digits || error != std::errc() || end != part.data() + part.size())
      return fail(ErrorCode::usage, "places: '" + printable(part) + "' is not three hexadecimal digits");
    places.push_back(place);
  }
  if (places.size() > most_places) return fail(ErrorCode::usage, "places: more than " + std::to_string(most_places));
  return places;
}

std::string join_statements(const std::vector<std::string>& envelopes) {
  std::string text;
  for (const std::string& envelope : envelopes) text += (text.empty() ? "" : "\n") + envelope;
  return text;
}

Result<std::vector<std::string>> split_statements(std::string_view text, std::size_t most) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  // Counted before it is taken apart.
  if (static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) >= most)
    return fail("more than " + std::to_string(most) + " freshness statements together");
  std::vector<std::string> envelopes;
  for (std::string_view line : split(text, '\n')) envelopes.emplace_back(line);
  return envelopes;
}

}  // namespace shoal::registry
