#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

#include "other_user.hpp"
#include "store/hash_tree.hpp"
#include "support/few_descriptors.hpp"
#include "tree.hpp"

namespace shoal::store {
namespace {

using testing::Tree;

void check_refused(const fs::path& root, std::string_view part_of_message) {
  auto files = list_tree(root);
  REQUIRE_FALSE(files.ok());
  CHECK(files.error().code == ErrorCode::usage);
  CAPTURE(files.error().message);
  CHECK(files.error().message.find(part_of_message) != std::string::npos);
}

TEST_CASE("files are listed with their sizes, sorted by their bytes") {
  Tree tree;
  tree.write("b", "12");
  tree.write("a/z", "1");
  tree.write("a.txt", "");
  tree.write("B", "123");
  tree.write("\xc3\xa9", "1234");
  fs::create_directory(tree.root() / "empty");
  auto files = list_tree(tree.root());
  REQUIRE(files.ok());
  std::vector<std::pair<std::string, ByteCount>> got;
  for (const auto& file : files.value()) got.emplace_back(file.path, file.size);
  CHECK(got == std::vector<std::pair<std::string, ByteCount>>{{"B", 3}, {"a.txt", 0}, {"a/z", 1}, {"b", 2}, {"\xc3\xa9", 4}});
}

TEST_CASE("a tree of any depth is listed with a handful of descriptors") {
  Tree tree;
  std::string path;
  for (int level = 0; level < 1000; ++level) path += "d/";
  tree.write(path + "file", "1");
  const test::FewDescriptors few(32);
  auto files = list_tree(tree.root());
  REQUIRE(files.ok());
  REQUIRE(files.value().size() == 1);
  CHECK(files.value()[0].path == path + "file");
}

TEST_CASE("the root may be a symlink and may end with a slash") {
  Tree tree;
  tree.write("real/a", "1");
  fs::create_directory_symlink("real", tree.root() / "link");
  for (const char* root : {"link", "link/", "real/"}) {
    auto files = list_tree(tree.root() / root);
    REQUIRE(files.ok());
    CHECK(files.value().at(0).path == "a");
  }
}

TEST_CASE("an empty tree is refused, also one of empty directories") {
  Tree tree;
  check_refused(tree.root(), "holds no files");
  fs::create_directories(tree.root() / "a/b");
  check_refused(tree.root(), "holds no files");
}

TEST_CASE("a root that is no directory is refused") {
  Tree tree;
  tree.write("file", "1");
  check_refused(tree.root() / "file", "is not a directory");
  check_refused(tree.root() / "nothing", "does not exist");
}

TEST_CASE("a symlink in the tree is refused and named") {
  Tree tree;
  tree.write("a", "1");
  SUBCASE("to a file") { fs::create_symlink("a", tree.root() / "link"); }
  SUBCASE("to a directory") { fs::create_directory_symlink(".", tree.root() / "link"); }
  SUBCASE("to nothing") { fs::create_symlink("gone", tree.root() / "link"); }
  check_refused(tree.root(), "/link is a symbolic link");
}

TEST_CASE("special files are refused and named") {
  Tree tree;
  tree.write("a", "1");
  fs::path special = tree.root() / "special";
  SUBCASE("a pipe") { REQUIRE(::mkfifo(special.c_str(), 0600) == 0); }
  SUBCASE("a socket") {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, special.c_str(), sizeof address.sun_path - 1);
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  check_refused(tree.root(), "/special is neither a regular file nor a directory");
}

TEST_CASE("a directory that may not be read is refused and named") {
  Tree tree;
  tree.write("secret/a", "1");
  fs::permissions(tree.root(), fs::perms::all);
  fs::permissions(tree.root() / "secret", fs::perms::none);
  {
    testing::OtherUser other;
    std::error_code error;
    fs::directory_iterator probe(tree.root() / "secret", error);
    if (error) check_refused(tree.root(), "secret cannot be read");
  }
  fs::permissions(tree.root() / "secret", fs::perms::all);
}

TEST_CASE("a refusal does not repeat control characters of a name") {
  Tree tree;
  fs::create_symlink("x", tree.root() / "evil\n\x1b[2J");
  check_refused(tree.root(), "evil??[2J is a symbolic link");
}

}  // namespace
}  // namespace shoal::store
