#include "seeder/joined_directory.hpp"

#include <doctest/doctest.h>

#include "support/publishing_machine.hpp"

namespace shoal::seeder {
namespace {

using publisher::testing::Machine;
using publisher::testing::write;

/// A release that the tracker has, and a copy of its files elsewhere.
struct Copies {
  Copies() {
    for (const char* where : {"a", "b"}) {
      write(at(where) / "weights.bin", std::string(300'000, 'w'));
      write(at(where) / "nested/config.json", "{}");
    }
    report = test::must(machine.publish(at("a")));
    test::must(publisher::Sources(machine.state()).remove(report.id));
  }
  fs::path at(const std::string& name) const { return directory.path() / name; }
  JoinedDirectory joined(std::stop_token stop = {}) {
    auto rule = test::must(JoinRule::parse(at("b").string() + "=acme/llama@1.0"));
    return JoinedDirectory(rule, {rate}, machine.session(), machine.tracker(), machine.out(), std::move(stop));
  }
  Result<JoinReport> join(std::stop_token stop = {}) { return joined(std::move(stop)).attempt(); }
  bool remembered() const { return publisher::Sources(machine.state()).load(report.id).ok(); }

  TempDirectory directory;
  Machine machine;
  publisher::PublishReport report;
  std::shared_ptr<store::ReadRate> rate = std::make_shared<store::ReadRate>();
};

TEST_CASE("the same files elsewhere are joined by hashing, then by what is remembered of them") {
  Copies copies;
  auto first = test::must(copies.join());
  CHECK(first.id == copies.report.id);
  CHECK(first.hashed);
  auto source = test::must(publisher::Sources(copies.machine.state()).load(first.id));
  CHECK(source.root == copies.at("b"));
  CHECK(source.mtimes_ns.size() == 2);
  CHECK(!source.fingerprints.empty());
  CHECK(!test::must(copies.join()).hashed);
}

TEST_CASE("files that the release does not name do not matter") {
  Copies copies;
  write(copies.at("b") / "DONE", "");
  CHECK(copies.join().ok());
}

TEST_CASE("a file that differs is refused by name, and nothing is remembered") {
  Copies copies;
  std::string name = "weights.bin";
  SUBCASE("in one byte") { write(copies.at("b") / name, std::string(299'999, 'w') + "x"); }
  SUBCASE("in its length") { write(copies.at("b") / name, std::string(299'999, 'w')); }
  SUBCASE("because it is missing") { fs::remove(copies.at("b") / name); }
  SUBCASE("in the small file") {
    name = "nested/config.json";
    write(copies.at("b") / name, "[]");
  }
  auto joined = copies.join();
  REQUIRE(!joined.ok());
  CHECK(joined.error().message.find((copies.at("b") / name).string()) != std::string::npos);
  CHECK(!copies.remembered());
}

TEST_CASE("content that was refused is not read again until one of the files changes") {
  Copies copies;
  write(copies.at("b") / "weights.bin", std::string(299'999, 'w') + "x");
  JoinedDirectory directory = copies.joined();
  CHECK(directory.attempt().error().code == ErrorCode::verification);
  CHECK(directory.state() == JoinState::refused);
  const ByteCount once = copies.rate->read();
  CHECK(once == 300'002);
  CHECK(directory.attempt().error().code == ErrorCode::verification);
  CHECK(copies.rate->read() == once);
  write(copies.at("b") / "weights.bin", std::string(300'000, 'w'));
  fs::last_write_time(copies.at("b") / "weights.bin", fs::file_time_type::clock::now() - std::chrono::hours(1));
  CHECK(directory.attempt().ok());
  CHECK(directory.state() == JoinState::joined);
  CHECK(copies.rate->read() > once);
}

TEST_CASE("content that was refused is read again after some hours, since a file server may have shown old data") {
  Copies copies;
  write(copies.at("b") / "weights.bin", std::string(299'999, 'w') + "x");
  JoinedDirectory directory = copies.joined();
  CHECK(!directory.attempt().ok());
  const ByteCount once = copies.rate->read();
  copies.machine.clock().advance(std::chrono::hours(7));
  CHECK(!directory.attempt().ok());
  CHECK(copies.rate->read() == 2 * once);
}

TEST_CASE("attempts that fail for the same reason come less and less often") {
  CHECK(pause_before_joining_again(0) == std::chrono::seconds(5));
  CHECK(pause_before_joining_again(1) == std::chrono::seconds(10));
  CHECK(pause_before_joining_again(1000) == std::chrono::seconds(40));
}

TEST_CASE("a file that was written since it was joined is hashed again") {
  Copies copies;
  test::must(copies.join());
  fs::last_write_time(copies.at("b") / "weights.bin", fs::file_time_type::clock::now() - std::chrono::hours(1));
  CHECK(test::must(copies.join()).hashed);
}

TEST_CASE("an interrupted join remembers nothing") {
  Copies copies;
  std::stop_source stop;
  stop.request_stop();
  auto joined = copies.join(stop.get_token());
  REQUIRE(!joined.ok());
  CHECK(joined.error().code == ErrorCode::interrupted);
  CHECK(!copies.remembered());
}

TEST_CASE("a metainfo that is not the release's is refused before a byte is read") {
  Copies copies;
  for (auto& [path, bytes] : copies.machine.memory().metainfos) bytes[10] ^= 1;
  auto joined = copies.join();
  REQUIRE(!joined.ok());
  CHECK(joined.error().code == ErrorCode::verification);
}

TEST_CASE("a rule names a directory, a model and a version") {
  auto rule = test::must(JoinRule::parse("/mnt/a=b/=acme/llama@1.0"));
  CHECK(rule.directory == "/mnt/a=b");
  CHECK(rule.title() == "acme/llama@1.0");
  for (const char* bad :
       {"", "acme/llama@1.0", "=acme/llama@1.0", "/mnt=acme/llama", "/mnt=acme@1.0", "/mnt=acme/llama@", "/mnt@1=acme/llama"})
    CHECK(JoinRule::parse(bad).error().code == ErrorCode::usage);
}

}  // namespace
}  // namespace shoal::seeder
