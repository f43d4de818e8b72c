#include "node/control_answers.hpp"

#include <doctest/doctest.h>

#include "support/must.hpp"

using namespace shoal;
using namespace shoal::node;

namespace {

struct Answers {
  ControlServer::Answer answer = answer_with({[] {
                                                AgentView view;
                                                view.port = 7;
                                                return view;
                                              },
                                              [this](bool dry_run) -> Result<GcReport> {
                                                if (busy) return fail("busy");
                                                GcReport report;
                                                report.dry_run = dry_run;
                                                return report;
                                              },
                                              [](const ControlOrder& order) -> Result<Rates> {
                                                return Rates{order.upload.value_or(1), order.download.value_or(2)};
                                              },
                                              [this](const ControlOrder& order) -> Status {
                                                pinned = order;
                                                return {};
                                              },
                                              [this](const ReleaseId& id) -> Result<bool> { return pinned.release == id; }},
                                             clock);
  bool busy = false;
  ControlOrder pinned;
  SystemClock clock;
};

}  // namespace

TEST_CASE("each command of the control socket reaches its handler, and the answer is of its type") {
  Answers node;
  CHECK(test::must(node.answer({{"command", "status"}}))["listen"] == 7);
  const Json collected = test::must(node.answer({{"command", "gc"}, {"dry_run", true}}));
  CHECK(collected["type"] == "gc");
  CHECK(collected["dry_run"] == true);
  CHECK(test::must(node.answer({{"command", "limit"}, {"upload", 20U}})) ==
        Json{{"type", "limit"}, {"upload_limit", 20}, {"download_limit", 2}});
  const std::string id(64, 'a');
  CHECK(test::must(node.answer({{"command", "pin"}, {"release", id}, {"reason", "audit"}, {"until", "2030-01-01T00:00:00Z"}}))["type"] ==
        "pinned");
  CHECK(node.pinned.reason == "audit");
  CHECK(node.pinned.until == test::must(parse_time("2030-01-01T00:00:00Z")));
  CHECK(test::must(node.answer({{"command", "unpin"}, {"release", id}}))["was_pinned"] == true);
}

TEST_CASE("a handler's error is the answer, and an unknown command is of another version") {
  Answers node;
  node.busy = true;
  CHECK(node.answer({{"command", "gc"}}).error().message == "busy");
  auto unknown = node.answer({{"command", "dance"}});
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().code == ErrorCode::usage);
  CHECK(unknown.error().message.find("'dance'") != std::string::npos);
}
