#include "registry/bencode.hpp"

#include "doctest/doctest.h"

namespace shoal::registry {
namespace {

using namespace std::string_literals;

TEST_CASE("values of every kind are read") {
  auto parsed = parse_bencode("d4:listli-7e3:abce3:numi0e3:subd0:0:ee");
  REQUIRE(parsed.ok());
  const auto* list = parsed->find("list")->list();
  REQUIRE(list != nullptr);
  CHECK(*(*list)[0].integer() == -7);
  CHECK(*(*list)[1].string() == "abc");
  CHECK(*parsed->find("num")->integer() == 0);
  CHECK(*parsed->find("sub")->find("")->string() == "");
  CHECK(parsed->find("other") == nullptr);
  CHECK((*list)[0].find("x") == nullptr);
  CHECK(parsed->integer() == nullptr);
}

TEST_CASE("the ends of the range of integers are read") {
  CHECK(*parse_bencode("i9223372036854775807e")->integer() == INT64_MAX);
  CHECK(*parse_bencode("i-9223372036854775808e")->integer() == INT64_MIN);
}

TEST_CASE("strings may hold any byte") {
  std::string text =
      "4:\0\xff"
      "e:"s;
  CHECK(*parse_bencode(text)->string() ==
        "\0\xff"
        "e:"s);
}

TEST_CASE("hostile bencoding is refused") {
  const std::vector<std::string> table = {"",
                                          "x",
                                          "e",
                                          "i",
                                          "ie",
                                          "i-e",
                                          "i-0e",
                                          "i00e",
                                          "i01e",
                                          "i-01e",
                                          "i+1e",
                                          "i 1e",
                                          "i1",
                                          "i1.5e",
                                          "i1x",
                                          "i9223372036854775808e",
                                          "i-9223372036854775809e",
                                          "i99999999999999999999999999999999e",
                                          "1:",
                                          "2:a",
                                          "01:a",
                                          "-1:a",
                                          "+1:a",
                                          "1",
                                          "1a",
                                          "99999999999999999999:a",
                                          "9223372036854775807:a",
                                          "18446744073709551615:a",
                                          "4294967297:a",
                                          "l",
                                          "li1e",
                                          "d",
                                          "d1:a",
                                          "d1:ai1e",
                                          "di1ei2ee",
                                          "dle1:ae",
                                          "d1:ae",
                                          "d1:bi1e1:ai2ee",
                                          "d1:ai1e1:ai2ee",
                                          "i1ei2e",
                                          "le ",
                                          "le\n",
                                          "0:x",
                                          "lee",
                                          "d1:ai1eee",
                                          "\0"s,
                                          "l\0e"s};
  for (const std::string& text : table) {
    CAPTURE(text);
    CHECK_FALSE(parse_bencode(text).ok());
  }
}

TEST_CASE("deep nesting is refused before it can use the stack") {
  CHECK(parse_bencode(std::string(8, 'l') + std::string(8, 'e')).ok());
  CHECK_FALSE(parse_bencode(std::string(9, 'l') + std::string(9, 'e')).ok());
  CHECK_FALSE(parse_bencode(std::string(1000000, 'l')).ok());
  std::string dictionaries;
  for (int i = 0; i < 100000; ++i) dictionaries += "d1:a";
  CHECK_FALSE(parse_bencode(dictionaries).ok());
}

TEST_CASE("many tiny values are refused before they can use the memory") {
  std::string text = "l";
  for (int i = 0; i < 200000; ++i) text += "le";
  text += "e";
  CHECK_FALSE(parse_bencode(text).ok());
  CHECK(parse_bencode(text, {1 * MiB, 8, 300000}).ok());
}

TEST_CASE("text over the size limit is refused") {
  CHECK(parse_bencode("3:abc", {5, 8, 10}).ok());
  CHECK_FALSE(parse_bencode("3:abc", {4, 8, 10}).ok());
}

TEST_CASE("no truncation of a valid text is accepted") {
  std::string text = "d8:intervali60e5:peersld2:ip9:127.0.0.17:peer id20:-SH0100-aaaaaaaaaaaa4:porti7000eeee";
  REQUIRE(parse_bencode(text).ok());
  for (std::size_t size = 0; size < text.size(); ++size) CHECK_FALSE(parse_bencode(std::string_view(text).substr(0, size)).ok());
}

TEST_CASE("dictionaries are written with their keys sorted bytewise") {
  Bencode value(Bencode::Dictionary{{"b", 2}, {"a", Bencode::List{"x", -1}}, {"\xff", "high"}, {"B", 1}, {"ab", Bencode::Dictionary{}}});
  CHECK(value.encode() ==
        "d1:Bi1e1:al1:xi-1ee2:abde1:bi2e1:\xff"
        "4:highe");
}

TEST_CASE("what is written can be read") {
  Bencode value(Bencode::Dictionary{{"n", Bencode(INT64_MIN)}, {"s", std::string("\0\n", 2)}, {"l", Bencode::List{Bencode::List{}}}});
  CHECK(parse_bencode(value.encode()).ok());
}

}  // namespace
}  // namespace shoal::registry
