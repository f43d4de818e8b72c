#include "base/json.hpp"

#include "base/encoding.hpp"
#include "doctest/doctest.h"

using namespace shoal;

namespace {

void refused(std::string_view text, const char* says) {
  Result<Json> parsed = parse_json(text, KiB);
  INFO(std::string(text.substr(0, 100)));
  REQUIRE_FALSE(parsed.ok());
  INFO(parsed.error().message);
  CHECK(parsed.error().message.find(says) != std::string::npos);
  CHECK(parsed.error().message.size() < 300);
}

std::string nested(std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

}  // namespace

TEST_CASE("ordinary JSON is parsed") {
  CHECK(parse_json(R"( {"a":[1,"x",null,true,{"b":-1.5e3}],"":{}} )", KiB).ok());
  CHECK(parse_json("7", KiB).value() == 7);
  CHECK(parse_json(nested(32), KiB).ok());
}

TEST_CASE("the same key in different objects is no duplicate") { CHECK(parse_json(R"({"a":{"a":1},"b":[{"a":1},{"a":2}]})", KiB).ok()); }

TEST_CASE("what is not exactly one value is refused") {
  for (const char* bad : {"", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "01", "1 2", "{}x", "{}{}", "nul", "'a'", "// c\n1",
                          "[1] \xef\xbb\xbf", "NaN", "Infinity", "\"\\x\""})
    refused(bad, "bad JSON");
  refused(std::string_view("{}\0", 3), "bad JSON");
  refused(std::string_view("{}\0 trailing", 12), "bad JSON");
}

TEST_CASE("duplicate keys are refused at every depth, however they are escaped") {
  refused(R"({"a":1,"a":1})", "duplicate key 'a'");
  refused(R"({"a":1,"\u0061":2})", "duplicate key 'a'");
  refused(R"([{"x":{"k":1,"b":2,"k":3}}])", "duplicate key 'k'");
  refused("{\"" + std::string(200, 'k') + "\":1,\"" + std::string(200, 'k') + "\":1}", "duplicate key");
}

TEST_CASE("deep and large documents are refused") {
  refused(nested(33), "deeper than 32");
  refused(std::string(500, '['), "deeper than 32");
  refused(std::string(KiB + 1, ' '), "larger than the limit");
}

TEST_CASE("text that is not UTF-8 is refused, and a long text is not quoted") {
  refused("\"\xff\"", "bad JSON");
  refused("\"\xc0\xaf\"", "bad JSON");
  refused("\"\\ud800\"", "bad JSON");
  refused("\"a\nb\"", "bad JSON");
  Result<Json> parsed = parse_json("\"" + std::string(1 << 20, 'x'), 2 * MiB);
  CHECK(parsed.error().message.size() < 100);
}

TEST_CASE("a reader takes the members of the right type") {
  Json json = parse_json(R"({"s":"text","n":7,"b":true,"o":{},"a":[],"t":"2026-01-31T12:00:00Z"})", KiB).value();
  JsonReader reader(json, "thing");
  CHECK(reader.string("s") == "text");
  CHECK(reader.number("n") == 7);
  CHECK(reader.boolean("b"));
  CHECK(reader.object("o").is_object());
  CHECK(reader.array("a").is_array());
  CHECK_FALSE(reader.has("x"));
  CHECK(reader.as<std::string>("t", [](std::string_view text) { return Result<std::string>(std::string(text.substr(0, 4))); }) == "2026");
  CHECK(reader.finish().ok());
}

TEST_CASE("a reader names the document and the member that is wrong, the first of them") {
  auto message = [](const char* text, auto read) {
    Json json = parse_json(text, KiB).value();
    JsonReader reader(json, "thing");
    read(reader);
    Status status = reader.finish();
    return status.ok() ? std::string() : status.error().message;
  };
  CHECK(message("{}", [](JsonReader& r) { r.string("a"); }) == "thing: a is missing");
  CHECK(message(R"({"a":1})", [](JsonReader& r) { r.string("a"); }) == "thing: a is not a string");
  CHECK(message(R"({"a":null})", [](JsonReader& r) { r.object("a"); }) == "thing: a is not an object");
  CHECK(message("[]", [](JsonReader& r) { r.string("a"); }) == "thing: is not an object");
  CHECK(message(R"({"a":"zz"})", [](JsonReader& r) { r.as<std::string>("a", from_hex); }).find("thing: a: not hexadecimal") == 0);
  CHECK(message(R"({"a":1,"b":1})", [](JsonReader& r) {
          r.string("a");
          r.string("b");
        }) == "thing: a is not a string");
  for (const char* bad : {R"({"a":-1})", R"({"a":1.0})", R"({"a":1e2})", R"({"a":"1"})", R"({"a":18446744073709551616})", R"({"a":true})"})
    CHECK_MESSAGE(message(bad, [](JsonReader& r) { r.number("a"); }) == "thing: a is not a whole number of zero or more", bad);
}

TEST_CASE("members that nobody asked for are refused when strict and let pass when lenient") {
  Json json = parse_json(R"({"a":1,"later":2})", KiB).value();
  JsonReader strict(json, "thing"), lenient(json, "thing");
  strict.number("a");
  lenient.number("a");
  CHECK(strict.finish().error().message == "thing: unknown member 'later'");
  CHECK(lenient.finish_lenient().ok());
}
