// Integers as bytes, for formats that fix their order.
#pragma once

#include <boost/endian/conversion.hpp>
#include <concepts>
#include <string>
#include <string_view>

namespace shoal {

/// Of the first sizeof(Integer) bytes, which must be there.
template <std::integral Integer>
Integer from_little_endian(std::string_view bytes) {
  return boost::endian::endian_load<Integer, sizeof(Integer), boost::endian::order::little>(
      reinterpret_cast<const unsigned char*>(bytes.data()));
}

template <std::integral Integer>
Integer from_big_endian(std::string_view bytes) {
  return boost::endian::endian_load<Integer, sizeof(Integer), boost::endian::order::big>(
      reinterpret_cast<const unsigned char*>(bytes.data()));
}

template <std::integral Integer>
void append_little_endian(std::string& text, Integer value) {
  unsigned char bytes[sizeof(Integer)];
  boost::endian::endian_store<Integer, sizeof(Integer), boost::endian::order::little>(bytes, value);
  text.append(reinterpret_cast<const char*>(bytes), sizeof bytes);
}

}  // namespace shoal
