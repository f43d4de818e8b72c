#include "base/encoding.hpp"

#include "doctest/doctest.h"

using namespace shoal;

namespace {
std::string every_byte() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  return bytes;
}
}  // namespace

TEST_CASE("base64 agrees with the examples of RFC 4648") {
  const std::pair<const char*, const char*> examples[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (auto [plain, coded] : examples) {
    CHECK(to_base64(plain) == coded);
    CHECK(from_base64(coded).value() == plain);
  }
}

TEST_CASE("every byte survives every encoding") {
  std::string bytes = every_byte();
  CHECK(from_hex(to_hex(bytes)).value() == bytes);
  CHECK(from_base64(to_base64(bytes)).value() == bytes);
  CHECK(from_base64url(to_base64url(bytes)).value() == bytes);
  CHECK(percent_decode(percent_encode(bytes)).value() == bytes);
  CHECK(to_base64url(bytes).find_first_of("+/=") == std::string::npos);
}

TEST_CASE("base64 has one spelling for each text: every other is refused") {
  for (const char* bad : {"Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zh==", "Zm9=", "Zm 8", "Zm8=\n", "Zm8-", "Zm8_", "Zg==Zg==", "Z=g="})
    CHECK_MESSAGE(!from_base64(bad).ok(), bad);
  for (const char* bad : {"Zg==", "Z", "Zh", "Zm9", "Zm+8", "Zm/8", "Zm8 "}) CHECK_MESSAGE(!from_base64url(bad).ok(), bad);
  CHECK(from_base64url("Zm8").value() == "fo");
}

TEST_CASE("hexadecimal is lower case when written, either when read") {
  CHECK(to_hex("\x0f\xa0") == "0fa0");
  CHECK(from_hex("0FA0").value() == "\x0f\xa0");
  CHECK_FALSE(from_hex("0").ok());
  CHECK_FALSE(from_hex("0g").ok());
  CHECK_FALSE(from_hex("0x").ok());
}

TEST_CASE("percent decoding leaves '+' alone and refuses a bad escape") {
  CHECK(percent_decode("a+b%20c").value() == "a+b c");
  CHECK(percent_decode("%00").value() == std::string(1, '\0'));
  CHECK(percent_encode("a-._~/ ") == "a-._~%2F%20");
  for (const char* bad : {"%", "%1", "%g0", "%0g", "a%"}) CHECK_FALSE(percent_decode(bad).ok());
}

TEST_CASE("UTF-8 is judged by the table of the Unicode standard") {
  for (const char* good : {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
                           "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    CHECK(is_utf8(good));
  for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82", "\xf0\x8f\xbf\xbf",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "a\xff"})
    CHECK_FALSE(is_utf8(bad));
}

TEST_CASE("text for messages has no control characters, no broken bytes and a bounded length") {
  CHECK(printable("plain \xc3\xa9") == "plain \xc3\xa9");
  CHECK(printable("a\x1b[2J\n\x7f\xc2\x9b") == "a?[2J???");
  CHECK(printable("\xff\xc3") == "??");
  CHECK(printable(std::string(1000, 'x')).size() == 80);
  CHECK(printable("ab\xc3\xa9", 3) == "ab");  // never half a character
  CHECK(printable("a\xc0\xaf"
                  "b\xed\xa0\x80"
                  "c\xf5\x80\x80\x80") == "a??b???c????");  // overlong, surrogate, beyond U+10FFFF
  CHECK(is_utf8(printable(every_byte(), 1000)));
  CHECK_FALSE(has_control_characters(printable(every_byte(), 1000)));
}
