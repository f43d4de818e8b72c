#include "identity/member.hpp"

#include <sys/stat.h>

#include "doctest/doctest.h"
#include "support/test_fleet.hpp"

using namespace shoal;
using namespace shoal::identity;
using namespace shoal::test;

namespace {

Member sample(const TestFleet& fleet) {
  return {fleet.node(1), {"tracker.example", 7000}, R"({"payload":""})", R"(gpu-1 "left")", "hall-2"};
}

unsigned mode_of(const fs::path& path) {
  struct stat info {};
  must(::stat(path.c_str(), &info) == 0, path.c_str());
  return info.st_mode & 0777;
}

void check_not_enrolled(const fs::path& state) {
  auto loaded = load_member(state);
  REQUIRE(!loaded.ok());
  CHECK(loaded.error().code == ErrorCode::not_enrolled);
  CHECK(loaded.error().message.find("shoal join") != std::string::npos);
}

}  // namespace

TEST_CASE("a member is read back as it was saved") {
  TestFleet fleet;
  TempDirectory directory;
  Member member = sample(fleet);
  must(save_member(directory.path() / "state", member));
  Member again = must(load_member(directory.path() / "state"));
  CHECK(again.credentials.key_pem == member.credentials.key_pem);
  CHECK(again.credentials.certificate_pem == member.credentials.certificate_pem);
  CHECK(again.credentials.ca_pem == member.credentials.ca_pem);
  CHECK(again.credentials.self.serial == member.credentials.self.serial);
  CHECK(again.tracker == member.tracker);
  CHECK(again.trust_root == member.trust_root);
  CHECK(again.name == member.name);
  CHECK(again.site == member.site);
}

TEST_CASE("the key of a member is readable by its owner alone") {
  TestFleet fleet;
  TempDirectory directory;
  must(save_member(directory.path(), sample(fleet)));
  CHECK(mode_of(directory.path() / "identity" / "credentials.pem") == 0600);
  CHECK(mode_of(directory.path() / "identity") == 0700);
  must(save_credentials(directory.path(), fleet.node(1)));
  CHECK(mode_of(directory.path() / "identity" / "credentials.pem") == 0600);
  for (const auto& entry : fs::directory_iterator(directory.path() / "identity")) {
    if (entry.path().filename() == "credentials.pem") continue;
    CHECK(must(read_file(entry.path(), MiB)).find("PRIVATE KEY") == std::string::npos);
  }
}

TEST_CASE("a directory in which nobody joined says so") {
  TempDirectory directory;
  check_not_enrolled(directory.path());
  check_not_enrolled(directory.path() / "missing");
}

TEST_CASE("a half-written member counts as not enrolled") {
  TestFleet fleet;
  for (const char* missing : {"fleet.json", "credentials.pem", "trust-root.json"}) {
    TempDirectory directory;
    must(save_member(directory.path(), sample(fleet)));
    fs::remove(directory.path() / "identity" / missing);
    CAPTURE(missing);
    check_not_enrolled(directory.path());
  }
}

TEST_CASE("a damaged member counts as not enrolled") {
  TestFleet fleet, other("other-fleet");
  Member member = sample(fleet);
  auto damaged = [&](const char* file, const std::string& content) {
    TempDirectory directory;
    must(save_member(directory.path(), member));
    must(write_file_durably(directory.path() / "identity" / file, content));
    CAPTURE(content);
    check_not_enrolled(directory.path());
  };
  damaged("credentials.pem", "");
  damaged("credentials.pem", member.credentials.key_pem + member.credentials.certificate_pem);
  damaged("credentials.pem", fleet.node(2).key_pem + member.credentials.certificate_pem + member.credentials.ca_pem);
  Credentials strangers = other.node(1);
  damaged("credentials.pem", strangers.key_pem + strangers.certificate_pem + strangers.ca_pem);
  damaged("fleet.json", "");
  damaged("fleet.json", "{}");
  damaged("fleet.json", R"({"schema":2,"fleet":"test-fleet","tracker":"a:1","name":"","site":""})");
  damaged("fleet.json", R"({"schema":1,"fleet":"test-fleet","tracker":"nowhere","name":"","site":""})");
  damaged("fleet.json", R"({"schema":1,"fleet":"other","tracker":"a:1","name":"","site":""})");
}

TEST_CASE("a file that cannot be read is not taken for one that is missing") {
  TestFleet fleet;
  TempDirectory directory;
  must(save_member(directory.path(), sample(fleet)));
  fs::remove(directory.path() / "identity" / "fleet.json");
  fs::create_directory(directory.path() / "identity" / "fleet.json");
  auto loaded = load_member(directory.path());
  REQUIRE(!loaded.ok());
  CHECK(loaded.error().code != ErrorCode::not_enrolled);
}

TEST_CASE("renewed credentials take the place of the old ones whole") {
  TestFleet fleet;
  TempDirectory directory;
  must(save_member(directory.path(), sample(fleet)));
  Credentials next = fleet.node(1);
  must(save_credentials(directory.path(), next));
  Member again = must(load_member(directory.path()));
  CHECK(again.credentials.key_pem == next.key_pem);
  CHECK(again.credentials.self.serial == next.self.serial);
  CHECK(std::distance(fs::directory_iterator(directory.path() / "identity"), fs::directory_iterator()) == 3);  // nothing left over
}

TEST_CASE("an expired certificate is loaded, for the caller to judge") {
  TestFleet past("test-fleet", SystemClock().now() - std::chrono::hours(48));
  TempDirectory directory;
  must(save_member(directory.path(), sample(past)));
  Member loaded = must(load_member(directory.path()));
  CHECK(loaded.credentials.self.not_after < SystemClock().now());
}

TEST_CASE("joining another fleet replaces the member") {
  TestFleet fleet, other("other-fleet");
  TempDirectory directory;
  must(save_member(directory.path(), sample(fleet)));
  must(save_member(directory.path(), sample(other)));
  CHECK(must(load_member(directory.path())).credentials.self.identity.fleet == other.name());
}
