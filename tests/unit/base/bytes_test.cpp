#include "base/bytes.hpp"

#include <doctest/doctest.h>

#include <cstdint>

using namespace shoal;
using namespace std::string_view_literals;

TEST_CASE("an integer is read in the order that the format fixes, whatever is behind it") {
  CHECK(from_little_endian<std::uint32_t>("\x01\x02\x03\xf4rest"sv) == 0xf4030201U);
  CHECK(from_big_endian<std::uint32_t>("\x01\x02\x03\xf4rest"sv) == 0x010203f4U);
  CHECK(from_big_endian<std::uint16_t>("\xff\x01"sv) == 0xff01U);
  CHECK(from_little_endian<std::int64_t>("\xfe\xff\xff\xff\xff\xff\xff\xff"sv) == -2);
  CHECK(from_little_endian<std::uint8_t>("\xfe"sv) == 254);
}

TEST_CASE("an integer that was appended reads back, behind what was there") {
  std::string text = "before";
  append_little_endian(text, std::uint32_t{0x01020304});
  append_little_endian(text, std::int64_t{-5});
  CHECK(text.substr(0, 10) == "before\x04\x03\x02\x01");
  CHECK(from_little_endian<std::int64_t>(text.substr(10)) == -5);
}
