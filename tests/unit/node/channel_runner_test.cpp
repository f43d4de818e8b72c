#include "node/channel_runner.hpp"

#include <doctest/doctest.h>

#include "support/must.hpp"

using namespace shoal;
using namespace shoal::node;
using namespace std::chrono_literals;

namespace {

const WallTime now = test::must(parse_time("2026-03-01T12:00:00Z"));

TrackerView fresh_until(std::optional<WallTime> until) {
  TrackerView tracker;
  tracker.statements = true;
  tracker.fresh_until = until;
  return tracker;
}

bool contains(const std::string& text, const char* words) { return text.find(words) != std::string::npos; }

}  // namespace

TEST_CASE("a release that is ready is activated while its pointer and the tracker's statement are in force") {
  Track track;
  CHECK(hold_back(track, {}, now).empty());
  CHECK(hold_back(track, fresh_until(now + 1s), now).empty());
  track.pointer_expires = now;
  CHECK(hold_back(track, fresh_until(now), now).empty());
}

TEST_CASE("a halted rollout, an expired pointer and a missing or stale statement each hold it back") {
  Track halted;
  halted.halted = true;
  CHECK(contains(hold_back(halted, {}, now), "the rollout was halted"));
  halted.failure = "hook exec:/opt/reload failed (exit 7): CUDA out of memory";
  CHECK(hold_back(halted, {}, now).ends_with("; here: hook exec:/opt/reload failed (exit 7): CUDA out of memory"));
  Track expired;
  expired.pointer_expires = now - 1s;
  CHECK(contains(hold_back(expired, {}, now), "pointer expired at 2026-03-01T11:59:59Z"));
  CHECK(contains(hold_back({}, fresh_until(std::nullopt), now), "no fresh statement"));
  CHECK(contains(hold_back({}, fresh_until(now - 1s), now), "no fresh statement"));
}

TEST_CASE("a tracker that signs no statements holds nothing back") {
  TrackerView tracker;
  tracker.problem = "cannot be reached";
  CHECK(hold_back({}, tracker, now).empty());
}
