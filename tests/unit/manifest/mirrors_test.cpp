#include "manifest/mirrors.hpp"

#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::manifest;

TEST_CASE("a mirror is an https address and a path that ends with a slash") {
  auto mirror = parse_mirror("https://models.example:8443/acme/llama");
  REQUIRE(mirror.ok());
  CHECK(mirror->server == HostPort{"models.example", 8443});
  CHECK(mirror->path == "/acme/llama/");
  CHECK(parse_mirror("https://models.example")->server.port == 443);
  CHECK(parse_mirror("https://models.example/")->path == "/");
}

TEST_CASE("what is no place for a public file is refused") {
  for (const char* url :
       {"http://models.example/x", "ftp://a/b", "https://", "https:///x", "https://user:word@models.example/", "https://a/x?key=1",
        "https://a/x#part", "models.example/x", "https://a:0/", "https://a:70000/", "https://a b/", "https://a/\n"}) {
    CAPTURE(url);
    CHECK_FALSE(parse_mirror(url).ok());
  }
}

TEST_CASE("names of files are encoded, slashes are not") {
  auto mirror = parse_mirror("https://a/base");
  REQUIRE(mirror.ok());
  CHECK(target_of(*mirror, "dir/model 1%.bin") == "/base/dir/model%201%25.bin");
}

TEST_CASE("a release has at most 16 mirrors, and none twice") {
  std::vector<std::string> many;
  for (int i = 0; i < 17; ++i) many.push_back("https://a/" + std::to_string(i));
  CHECK_FALSE(check_mirrors(many).ok());
  many.pop_back();
  CHECK(check_mirrors(many).ok());
  CHECK_FALSE(check_mirrors({"https://a/x", "https://a/x"}).ok());
}
