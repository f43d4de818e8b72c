// Status and header fields of an answer that carries a file.
#include "node/gateway/file_answer.hpp"

#include "releases.hpp"

namespace shoal::gateway::test {
namespace {

const manifest::FileEntry file{"config.json", 100, crypto::sha256("x")};
const std::string tag = '"' + crypto::sha256("x").hex() + '"';

FileAnswer answer(std::map<std::string, std::string> headers) { return answer_for(request("GET", "/", std::move(headers)), file, made_at); }
std::string value(const FileAnswer& from, const std::string& name) {
  for (const auto& [key, text] : from.fields)
    if (key == name) return text;
  return "";
}

TEST_CASE("a file comes whole, with its SHA-256 as its tag") {
  const auto whole = answer({});
  CHECK(whole.status == 200);
  CHECK(whole.bytes == Span{0, 100});
  CHECK(value(whole, "ETag") == tag);
  CHECK(value(whole, "Accept-Ranges") == "bytes");
  CHECK(value(whole, "Last-Modified") == "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST_CASE("a range comes as 206, one beyond the end as 416") {
  const auto part = answer({{"range", "bytes=10-19"}});
  CHECK(part.status == 206);
  CHECK(part.bytes == Span{10, 10});
  CHECK(value(part, "Content-Range") == "bytes 10-19/100");
  const auto beyond = answer({{"range", "bytes=100-"}});
  CHECK(beyond.status == 416);
  CHECK_FALSE(beyond.has_bytes());
  CHECK(value(beyond, "Content-Range") == "bytes */100");
}

TEST_CASE("If-Range decides whether the range counts") {
  for (const std::string& current : {tag, std::string("Sun, 06 Nov 1994 08:49:37 GMT")})
    CHECK(answer({{"range", "bytes=0-1"}, {"if-range", current}}).status == 206);
  for (const std::string& other : {std::string("\"other\""), "W/" + tag, std::string("Sun, 06 Nov 1994 08:49:38 GMT")})
    CHECK(answer({{"range", "bytes=0-1"}, {"if-range", other}}).status == 200);
}

TEST_CASE("conditions come before ranges") {
  CHECK(answer({{"if-none-match", tag}}).status == 304);
  CHECK(answer({{"if-none-match", "W/" + tag}, {"range", "bytes=0-1"}}).status == 304);
  CHECK(answer({{"if-none-match", "\"other\""}}).status == 200);
  CHECK(answer({{"if-match", tag}, {"range", "bytes=0-1"}}).status == 206);
  CHECK(answer({{"if-match", "\"other\""}, {"range", "bytes=0-1"}}).status == 412);
  CHECK(answer({{"if-match", "\"other\""}, {"if-none-match", tag}}).status == 412);
  CHECK_FALSE(answer({{"if-none-match", tag}}).has_bytes());
}

}  // namespace
}  // namespace shoal::gateway::test
