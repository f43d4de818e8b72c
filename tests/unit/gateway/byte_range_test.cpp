// Range headers by RFC 9110, and entity tags.
#include "node/gateway/byte_range.hpp"

#include <doctest/doctest.h>

namespace shoal::gateway {
namespace {

using Kind = RangeVerdict::Kind;

RangeVerdict part(ByteCount first, ByteCount length) { return {Kind::part, {first, length}}; }

TEST_CASE("one range is the bytes that it names") {
  CHECK(read_range_header("bytes=0-9", 100) == part(0, 10));
  CHECK(read_range_header("bytes=10-10", 100) == part(10, 1));
  CHECK(read_range_header("bytes=90-", 100) == part(90, 10));
  CHECK(read_range_header("bytes=90-500", 100) == part(90, 10));
  CHECK(read_range_header("bytes=-7", 100) == part(93, 7));
  CHECK(read_range_header("bytes=-700", 100) == part(0, 100));
  CHECK(read_range_header("Bytes = 1-2", 100) == part(1, 2));
  CHECK(read_range_header("bytes=0-99999999999999999999999", 100) == part(0, 100));
}

TEST_CASE("a range beyond the end cannot be satisfied") {
  CHECK(read_range_header("bytes=100-", 100).kind == Kind::unsatisfiable);
  CHECK(read_range_header("bytes=100-200", 100).kind == Kind::unsatisfiable);
  CHECK(read_range_header("bytes=-0", 100).kind == Kind::unsatisfiable);
  CHECK(read_range_header("bytes=99999999999999999999999-", 100).kind == Kind::unsatisfiable);
  CHECK(read_range_header("bytes=1-", 0).kind == Kind::unsatisfiable);
  CHECK(read_range_header("bytes=-5", 0).kind == Kind::unsatisfiable);
}

TEST_CASE("what is not one valid range of bytes is ignored") {
  for (const char* header : {"", "bytes", "bytes=", "bytes=-", "bytes=9-3", "bytes=a-b", "bytes=1", "bytes=1-2,5-6", "bytes=0x1-2",
                             "lines=1-2", "bytes=1-2 3", "bytes=+1-2", "bytes=--2"})
    CHECK_MESSAGE(read_range_header(header, 100) == RangeVerdict{}, header);
}

TEST_CASE("the first byte of an empty file is a part without bytes, as the Hub's clients expect") {
  CHECK(read_range_header("bytes=0-0", 0) == part(0, 0));
  CHECK(read_range_header("bytes=0-", 0) == part(0, 0));
  CHECK(content_range({0, 0}, 0) == "bytes 0-0/0");
}

TEST_CASE("Content-Range names first, last and size") {
  CHECK(content_range({10, 5}, 100) == "bytes 10-14/100");
  CHECK(unsatisfied_range(100) == "bytes */100");
}

TEST_CASE("a tag is found in a list of tags, weak ones only where that is allowed") {
  CHECK(lists_tag("\"a\"", "\"a\"", false));
  CHECK(lists_tag("\"b\" , \"a\"", "\"a\"", false));
  CHECK(lists_tag("*", "\"a\"", false));
  CHECK(lists_tag("W/\"a\"", "\"a\"", true));
  CHECK_FALSE(lists_tag("W/\"a\"", "\"a\"", false));
  CHECK_FALSE(lists_tag("\"b\"", "\"a\"", true));
  CHECK_FALSE(lists_tag("", "\"a\"", true));
}

}  // namespace
}  // namespace shoal::gateway
