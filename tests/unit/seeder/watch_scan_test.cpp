#include "seeder/watch_scan.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "seeder/watch_records.hpp"
#include "support/publishing_machine.hpp"

namespace shoal::seeder {
namespace {

using publisher::testing::write;

/// One tensor of `count` bytes; `cut` bytes are missing at the end.
std::string safetensors(std::uint64_t count, std::size_t cut = 0) {
  std::string header =
      R"({"w":{"dtype":"U8","shape":[)" + std::to_string(count) + R"(],"data_offsets":[0,)" + std::to_string(count) + "]}}";
  std::string bytes;
  for (std::uint64_t length = header.size(), i = 0; i < 8; ++i) bytes += static_cast<char>(length >> (8 * i));
  return bytes + header + std::string(count - cut, 'x');
}

struct Nas {
  Nas() : rule(test::must(WatchRule::parse(directory.path().string() + "/{org}/{name}/{version} complete=marker:DONE", {}))) {}
  Scan look() {
    return test::must(scan(rule, [this] { ++alive; }));
  }
  fs::path at(const std::string& path) const { return directory.path() / path; }

  TempDirectory directory;
  WatchRule rule;
  int alive = 0;
};

TEST_CASE("directories that fit the pattern are found, with marker and number of files") {
  Nas nas;
  write(nas.at("acme/llama/1.0/sub/a"), "1");
  write(nas.at("acme/llama/1.0/DONE"), "");
  write(nas.at("acme/llama/2.0/a"), "1");
  write(nas.at("acme/llama/README"), "no directory");
  Scan found = nas.look();
  REQUIRE(found.directories.size() == 2);
  CHECK(found.directories[0].reference.version.str() == "1.0");
  CHECK(found.directories[0].files == 2);
  CHECK(found.directories[0].marked);
  CHECK_FALSE(found.directories[1].marked);
  CHECK(found.problems.empty());
  CHECK(nas.alive > 0);
}

TEST_CASE("a print changes with every name, size and time, and agrees with what a survey sees") {
  Nas nas;
  const fs::path file = nas.at("acme/llama/1.0/a");
  write(file, "1");
  Sha256 first = nas.look().directories[0].print;
  CHECK(first == nas.look().directories[0].print);
  CHECK(first == print_of(test::must(publisher::survey(nas.at("acme/llama/1.0")))));
  fs::last_write_time(file, fs::last_write_time(file) + std::chrono::hours(24 * 3650));
  Sha256 touched = nas.look().directories[0].print;
  CHECK(touched != first);
  fs::rename(file, nas.at("acme/llama/1.0/b"));
  CHECK(nas.look().directories[0].print != touched);
}

TEST_CASE("names that break the pattern and links are problems, and what is hidden is passed over") {
  Nas nas;
  fs::create_directories(nas.at("acme/llama/not a version"));
  fs::create_directories(nas.at(".snapshot/llama/1.0"));
  fs::create_directory_symlink("..", nas.at("acme/loop"));
  Scan found = nas.look();
  CHECK(found.directories.empty());
  REQUIRE(found.problems.size() == 2);
  CHECK(found.problems[0].second.find("cannot be published") != std::string::npos);
  CHECK(found.problems[1].second.find("symbolic link") != std::string::npos);
}

TEST_CASE("a link or a pipe in a directory keeps it from being published, and is not followed") {
  Nas nas;
  write(nas.at("acme/llama/1.0/a"), "1");
  SUBCASE("a loop") { fs::create_directory_symlink("..", nas.at("acme/llama/1.0/again")); }
  SUBCASE("a pipe") { REQUIRE(::mkfifo(nas.at("acme/llama/1.0/pipe").c_str(), 0600) == 0); }
  CHECK_FALSE(nas.look().directories.at(0).problem.empty());
}

TEST_CASE("a root that is gone is an error") {
  Nas nas;
  fs::remove(nas.directory.path());
  CHECK(scan(nas.rule, [] {}).error().code == ErrorCode::not_found);
}

TEST_CASE("safetensors are complete when every shard has the length that its header says and the index is there") {
  Nas nas;
  const fs::path root = nas.at("m");
  write(root / "config.json", "{}");
  CHECK(check_safetensors(root).error().code == ErrorCode::partial);
  write(root / "model-00001-of-00002.safetensors", safetensors(100));
  CHECK(check_safetensors(root).error().message.find("model-00002-of-00002.safetensors is missing still") != std::string::npos);
  write(root / "model-00002-of-00002.safetensors", safetensors(100, 1));
  CHECK(check_safetensors(root).error().message.find("index") != std::string::npos);
  write(root / "model.safetensors.index.json",
        R"({"weight_map":{"w":"model-00001-of-00002.safetensors","v":"model-00002-of-00002.safetensors"}})");
  CHECK(check_safetensors(root).error().message.find("cut or damaged") != std::string::npos);
  write(root / "model-00002-of-00002.safetensors", safetensors(100));
  CHECK(check_safetensors(root).ok());
}

TEST_CASE("a record comes back as it was saved, and a damaged one is an error") {
  TempDirectory state;
  WatchRecords records(state.path());
  CHECK_FALSE(test::must(records.load("/nas/a")).has_value());
  WatchRecord record;
  record.phase = WatchRecord::Phase::published;
  record.directory = "/nas/a";
  record.print = crypto::sha256("x");
  record.revision = 3;
  record.release = ReleaseId{};
  test::must(records.save(record));
  CHECK(test::must(records.load("/nas/a")) == record);
  for (const auto& entry : fs::directory_iterator(state.path() / "watch")) write(entry.path(), "{");
  CHECK_FALSE(records.load("/nas/a").ok());
}

}  // namespace
}  // namespace shoal::seeder
