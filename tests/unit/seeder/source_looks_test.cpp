#include "seeder/source_looks.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "support/publishing_machine.hpp"

namespace shoal::seeder {
namespace {

using publisher::testing::Machine;
using publisher::testing::write;

TEST_CASE("the mount of a path is the nearest mount point above it") {
  auto mounts = MountTable::parse(
      "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "36 22 0:40 /share /mnt/nas rw - nfs4 nas:/share rw\n"
      "37 22 0:41 / /mnt/my\\040nas rw - cifs //nas/x rw\n");
  CHECK(mounts.of("/mnt/nas/acme/1.0") == "/mnt/nas");
  CHECK(mounts.of("/mnt/nas") == "/mnt/nas");
  CHECK(mounts.of("/mnt/nas2/acme") == "/");
  CHECK(mounts.of("/mnt/my nas/a") == "/mnt/my nas");
  CHECK(MountTable::parse("").of("/mnt") == "");
}

TEST_CASE("looks are answered on another thread, and a mount is busy until all of its are") {
  Machine machine;
  TempDirectory source;
  write(source.path() / "weights.bin", std::string(1000, 'w'));
  auto report = test::must(machine.publish(source.path()));
  SourceLooks looks(machine.state(), machine.out());
  looks.start("/mnt", {{report.id, false, false, {}}, {report.id, true, false, {}}}, machine.session().verifier());
  std::vector<SourceLook> found;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  do {
    for (auto& look : looks.take()) found.push_back(std::move(look));
  } while (looks.wait(deadline, {}));
  CHECK_FALSE(looks.busy("/mnt"));
  REQUIRE(found.size() == 2);
  CHECK(found[0].status.ok());
  CHECK(found[0].content.has_value());
  CHECK_FALSE(found[1].content.has_value());
}

TEST_CASE("content that differs is hashed once, and not again before it is touched") {
  Machine machine;
  TempDirectory source;
  write(source.path() / "weights.bin", std::string(1000, 'w'));
  auto report = test::must(machine.publish(source.path()));
  write(source.path() / "weights.bin", std::string(1000, 'v'));
  fs::last_write_time(source.path() / "weights.bin", fs::file_time_type::clock::now() + std::chrono::hours(1));
  SourceLooks looks(machine.state(), machine.out());
  auto ask = [&](SourceQuestion question) {
    looks.start("/mnt", {std::move(question)}, machine.session().verifier());
    while (looks.busy("/mnt")) static_cast<void>(looks.wait(std::chrono::steady_clock::now() + std::chrono::seconds(60), {}));
    return std::move(looks.take().at(0));
  };
  CHECK(ask({report.id, true, false, {}}).touched);
  SourceLook refuted = ask({report.id, false, true, {}});
  CHECK(refuted.status.error().code == ErrorCode::verification);
  REQUIRE(refuted.refuted_times.size() == 1);
  SourceLook again = ask({report.id, false, false, refuted.refuted_times});
  CHECK_FALSE(again.touched);
  CHECK_FALSE(again.status.ok());
  write(source.path() / "weights.bin", std::string(1000, 'w'));
  CHECK(ask({report.id, false, false, refuted.refuted_times}).touched);
  SourceLook whole = ask({report.id, false, true, refuted.refuted_times});
  CHECK(whole.status.ok());
  CHECK(whole.content.has_value());
}

}  // namespace
}  // namespace shoal::seeder
