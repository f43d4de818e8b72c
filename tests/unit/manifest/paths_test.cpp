#include "doctest/doctest.h"
#include "manifest/release.hpp"

using namespace shoal;

namespace {

Status check(std::vector<std::string> paths) { return manifest::check_paths(paths); }

void refused(std::vector<std::string> paths, const char* says) {
  INFO(paths.front().substr(0, 80));
  Status status = manifest::check_paths(paths);
  REQUIRE_FALSE(status.ok());
  INFO(status.error().message);
  CHECK(status.error().message.find(says) != std::string::npos);
  CHECK(status.error().code == ErrorCode::usage);
}

}  // namespace

TEST_CASE("ordinary paths pass, whatever their order") {
  CHECK(check({"b", "a"}).ok());
  CHECK(check({"config.json", "en-us/mdef", "en-us/feat.params", "en-us.lm.bin", "en-us-x/y"}).ok());
  CHECK(check({".hidden", "..a", "a..", "...", "a b/c d", "\xe6\xa8\xa1\xe5\x9e\x8b.bin", "-x", "~"}).ok());
  CHECK(check({std::string(255, 'x') + "/" + std::string(255, 'y')}).ok());
  CHECK(check({"a/b", "a/c", "a.b", "a0", "a!", "a b"}).ok());
}

TEST_CASE("a path that leaves its directory is refused") {
  refused({"../x"}, "component '..'");
  refused({"a/../b"}, "component '..'");
  refused({"a/.."}, "component '..'");
  refused({"."}, "component '.'");
  refused({"a/./b"}, "component '.'");
  refused({"/etc/passwd"}, "absolute");
}

TEST_CASE("a path that is not plainly written is refused") {
  refused({""}, "is empty");
  refused({"a//b"}, "empty component");
  refused({"a/"}, "empty component");
  refused({"a\\b"}, "backslash");
  refused({std::string("a\0b", 3)}, "control characters");
  refused({"a\nb"}, "control characters");
  refused({"a\x7f"}, "control characters");
  refused({"a\xc2\x9b"
           "b"},
          "control characters");  // C1: a terminal reads it as an escape
}

TEST_CASE("a path that is not UTF-8 is refused") {
  refused({"a\xff"}, "not UTF-8");
  refused({"a\xc3"}, "not UTF-8");              // cut
  refused({"a\xc0\xaf"}, "not UTF-8");          // '/' in an overlong form
  refused({"a\xed\xa0\x80"}, "not UTF-8");      // a surrogate
  refused({"a\xf4\x90\x80\x80"}, "not UTF-8");  // above U+10FFFF
}

TEST_CASE("a path that is too long is refused") {
  refused({std::string(256, 'x')}, "more than 255 bytes");
  refused({"a/" + std::string(256, 'x')}, "more than 255 bytes");
  std::string deep = "a";
  while (deep.size() <= 4096) deep += "/" + std::string(200, 'x');
  refused({deep}, "longer than 4096");
}

TEST_CASE("paths that differ in case alone are refused, files and directories") {
  refused({"readme", "README"}, "case alone");
  refused({"a/x", "b", "A/x"}, "case alone");
  refused({"A/x", "a/y"}, "case alone");
  refused({"a/B/1", "a/b/2"}, "case alone");
  refused({"a/x", "a.txt", "A"}, "case alone");
  refused({"same", "same"}, "twice");
}

TEST_CASE("a file that is also a directory is refused") {
  refused({"a", "a/b"}, "also a directory");
  refused({"a/b/c", "a-b", "a/b"}, "also a directory");
  refused({"a/b/c", "a b", "a.", "a", "a!"}, "also a directory");
}

TEST_CASE("a case-fold twin is found among many deep paths") {
  std::vector<std::string> paths;
  std::string directory;
  while (directory.size() < 500) directory += "d/";
  for (int i = 0; i < 20'000; ++i) paths.push_back(directory + std::to_string(i));
  CHECK(manifest::check_paths(paths).ok());
  paths.push_back("D/x");
  CHECK_FALSE(manifest::check_paths(paths).ok());
}
