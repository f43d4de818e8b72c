#include "seeder/watch_rule.hpp"

#include <doctest/doctest.h>

#include "support/must.hpp"

namespace shoal::seeder {
namespace {

WatchRule parsed(const std::string& text) { return test::must(WatchRule::parse(text, {})); }

void check_refused(const std::string& text, std::string_view part) {
  auto rule = WatchRule::parse(text, {});
  REQUIRE_FALSE(rule.ok());
  CAPTURE(rule.error().message);
  CHECK(rule.error().code == ErrorCode::usage);
  CHECK(rule.error().message.find(part) != std::string::npos);
}

TEST_CASE("a pattern splits into a root that is fixed and the names below it") {
  WatchRule rule = parsed("/mnt/nas/{org}/{name}-{version}/final/");
  CHECK(rule.root == "/mnt/nas");
  CHECK(rule.components == std::vector<std::string>{"{org}", "{name}-{version}", "final"});
  CHECK(rule.complete.kind == Completeness::Kind::safetensors);
  CHECK_FALSE(rule.channel.has_value());
}

TEST_CASE("settings behind the pattern win over the defaults") {
  WatchRule::Defaults defaults;
  defaults.channel = ChannelName::trusted("main");
  WatchRule rule = test::must(
      WatchRule::parse("/my nas/step-{version} model=acme/llama complete=settled:10m channel=none on_change=withdraw", defaults));
  CHECK(rule.root == "/my nas");
  CHECK(rule.model->str() == "acme/llama");
  CHECK(rule.complete.settling == std::chrono::minutes(10));
  CHECK_FALSE(rule.channel.has_value());
  CHECK(rule.on_change == OnChange::withdraw);
  CHECK(test::must(WatchRule::parse("/nas/{org}/{name}/{version}", defaults)).channel->str() == "main");
}

TEST_CASE("rules that cannot be are refused with what is wrong") {
  check_refused("nas/{org}/{name}/{version}", "starts with '/'");
  check_refused("/nas/{org}/{name}", "lacks {version}");
  check_refused("/nas/{version}", "model=ORG/NAME");
  check_refused("/nas/{org}/{name}/{version} model=a/b", "model=ORG/NAME");
  check_refused("/nas/{org}/{org}/{name}/{version}", "twice");
  check_refused("/nas/{org}/{name}/{version}/{date}", "only");
  check_refused("/nas/../{org}/{name}/{version}", "'..'");
  check_refused("/nas/{org}/{name}/{version} complete=soon", "settled:TIME");
  check_refused("/nas/{org}/{name}/{version} complete=marker:", "marker:FILE");
  check_refused("/nas/{org}/{name}/{version} colour=red", "no setting");
  check_refused("/nas/{org}/{name}/{version} channel=Main", "channel");
}

TEST_CASE("names are taken apart by the pattern") {
  Placeholders found;
  CHECK(match_component("step-{version}", "step-700", found));
  CHECK(found.version == "700");
  CHECK_FALSE(match_component("step-{version}", "step-", found));
  CHECK_FALSE(match_component("final", "draft", found));
  CHECK(match_component("v.{version}", "v.1", found));
  CHECK_FALSE(match_component("v.{version}", "vx1", found));
  CHECK(match_component("{name}-{version}", "big-model-7", found));
  CHECK(found.name == "big-model");
  CHECK(found.version == "7");
}

TEST_CASE("names that no model or version may have are refused") {
  WatchRule rule = parsed("/nas/{org}/{name}/{version}");
  CHECK(test::must(version_of(rule, {"acme", "llama", "1.0"})).model.str() == "acme/llama");
  CHECK_FALSE(version_of(rule, {"acme", "llama", "not a version"}).ok());
  CHECK_FALSE(version_of(rule, {"ac me", "llama", "1.0"}).ok());
}

TEST_CASE("a revision is a version of its own") {
  CHECK(test::must(revised(VersionName::trusted("1.0"), 0)).str() == "1.0");
  CHECK(test::must(revised(VersionName::trusted("1.0"), 2)).str() == "1.0+2");
}

}  // namespace
}  // namespace shoal::seeder
