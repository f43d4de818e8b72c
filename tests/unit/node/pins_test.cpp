#include "node/pins.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "support/must.hpp"

using namespace shoal;
using namespace shoal::node;
using namespace std::chrono_literals;
using test::must;

namespace {

const WallTime now = must(parse_time("2026-03-01T12:00:00Z"));

ReleaseId id_of(std::uint8_t fill) {
  ReleaseId id;
  id.bytes.fill(fill);
  return id;
}

}  // namespace

TEST_CASE("a pin survives a restart with its reason") {
  TempDirectory directory;
  must(Pins(directory.path()).pin(id_of(1), "evaluation of \"v1\" goes on", std::nullopt, now));
  const auto all = must(Pins(directory.path()).all(now + 99999h));
  REQUIRE(all.size() == 1);
  CHECK(all[0].release == id_of(1));
  CHECK(all[0].reason == "evaluation of \"v1\" goes on");
  CHECK(all[0].since == now);
  CHECK_FALSE(all[0].until);
}

TEST_CASE("a lease ends with its time, and not a second before") {
  TempDirectory directory;
  Pins pins(directory.path());
  must(pins.pin(id_of(1), "", now + 2h, now));
  CHECK(must(pins.all(now + 2h - 1s)).size() == 1);
  CHECK(must(pins.all(now + 2h)).empty());
}

TEST_CASE("a second pin of a release replaces the first") {
  TempDirectory directory;
  Pins pins(directory.path());
  must(pins.pin(id_of(1), "short", now + 1h, now));
  must(pins.pin(id_of(2), "other", std::nullopt, now));
  must(pins.pin(id_of(1), "long", std::nullopt, now));
  const auto all = must(pins.all(now + 5h));
  REQUIRE(all.size() == 2);
  CHECK(all[1].reason == "long");
}

TEST_CASE("unpin tells whether there was a pin") {
  TempDirectory directory;
  Pins pins(directory.path());
  CHECK_FALSE(must(pins.unpin(id_of(1), now)));
  must(pins.pin(id_of(1), "", std::nullopt, now));
  CHECK(must(pins.unpin(id_of(1), now)));
  CHECK(must(pins.all(now)).empty());
}

TEST_CASE("a damaged file is an error for everybody, and is not written over") {
  TempDirectory directory;
  Pins pins(directory.path());
  for (const char* text : {"", "{", "{\"pins\":3}", "{\"pins\":[{\"release\":\"00\"}]}", "{\"pins\":[1]}"}) {
    CAPTURE(text);
    std::ofstream(directory.path() / "pins.json") << text;
    CHECK_FALSE(pins.all(now).ok());
    CHECK_FALSE(pins.pin(id_of(1), "", std::nullopt, now).ok());
    CHECK_FALSE(pins.unpin(id_of(1), now).ok());
    CHECK(must(read_file(directory.path() / "pins.json", KiB)) == text);
  }
}

TEST_CASE("a reason with control characters is refused") {
  TempDirectory directory;
  CHECK_FALSE(Pins(directory.path()).pin(id_of(1), "two\nlines", std::nullopt, now).ok());
}
