#include "registry/freshness_query.hpp"

#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::registry;

TEST_CASE("places are three hexadecimal digits each, and read back as they were") {
  CHECK(encode_places({0, 0x0a3, 0xfff}) == "000,0a3,fff");
  CHECK(decode_places("000,0a3,fff").value() == std::vector<manifest::ChannelPlace>{0, 0x0a3, 0xfff});
  CHECK(decode_places("0A3").value() == std::vector<manifest::ChannelPlace>{0x0a3});
}

TEST_CASE("what is no list of places, or has too many of them, is the caller's mistake") {
  for (const char* text : {"", ",", "0a", "0a3,", "0a3,,0a3", "0a3 ", "xyz", "-01", "0x1", "00a3", "0a3;0a3"}) {
    CAPTURE(text);
    REQUIRE_FALSE(decode_places(text).ok());
    CHECK(decode_places(text).error().code == ErrorCode::usage);
  }
  const std::vector<manifest::ChannelPlace> most(most_places, 0x123);
  CHECK(decode_places(encode_places(most)).value() == most);
  CHECK_FALSE(decode_places(encode_places(most) + ",123").ok());
  CHECK_FALSE(decode_places(std::string(1 << 20, '1')).ok());
}

TEST_CASE("statements come a line each; one alone is as it always was") {
  CHECK(join_statements({"{}"}) == "{}");
  CHECK(split_statements("{}").value() == std::vector<std::string>{"{}"});
  CHECK(split_statements(join_statements({"a", "b", "c"})).value() == std::vector<std::string>{"a", "b", "c"});
  CHECK(split_statements("a\nb\n").value().size() == 2);
  CHECK(split_statements(std::string(most_places, '\n')).ok());
  CHECK_FALSE(split_statements(std::string(most_places + 1, '\n')).ok());
}
