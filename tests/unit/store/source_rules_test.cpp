#include "store/source_rules.hpp"

#include <doctest/doctest.h>

#include "store/snapshot_link.hpp"
#include "support/must.hpp"
#include "tree.hpp"

namespace shoal::store {
namespace {

using test::must;
using testing::Tree;
using Names = std::vector<std::string>;

Names names_of(const std::vector<LayoutFile>& files) {
  Names names;
  for (const auto& file : files) names.push_back(file.path);
  return names;
}

TEST_CASE("what tools leave is left out and named, and what a model needs is not") {
  Tree tree;
  for (const char* path : {".git/lfs/objects/aa", ".cache/huggingface/download/w.incomplete", ".nfs0001", "deep/.DS_Store", "deep/w.part",
                           "lost+found/x", "notes~", "__pycache__/a.pyc"})
    tree.write(path, "1");
  for (const char* path : {".gitattributes", "config.json", "deep/w.safetensors", "parts/a.partition", "git/x"}) tree.write(path, "1");
  const SourceTree found = must(list_source(tree.root(), {}));
  CHECK(names_of(found.files) == Names{".gitattributes", "config.json", "deep/w.safetensors", "git/x", "parts/a.partition"});
  CHECK(found.left_out == Names{".cache/", ".git/", ".nfs0001", "__pycache__/", "deep/.DS_Store", "deep/w.part", "lost+found/", "notes~"});
  CHECK(must(list_tree(tree.root())).size() == 13);
}

TEST_CASE("patterns of the file and of the command line are those of .gitignore, and the last one decides") {
  Tree tree;
  for (const char* path : {"a.tmp", "keep.tmp", "logs/x", "deep/logs/y", "old/w.bin", "deep/old/w.bin", "w.bin", ".git/config"})
    tree.write(path, "1");
  tree.write(".shoalignore", "# notes\n\n*.tmp\r\n/old/*.bin  \nlogs/\n!.git/\n");
  CHECK(names_of(must(list_source(tree.root(), {"!keep.tmp"})).files) == Names{".git/config", "deep/old/w.bin", "keep.tmp", "w.bin"});
  CHECK(names_of(must(list_source(tree.root(), {"deep/**", "w.bin"})).files) == Names{".git/config"});
}

TEST_CASE("a pattern that is none, and a source of which nothing is left, are refused") {
  Tree tree;
  tree.write("a", "1");
  for (const char* pattern : {"!", "/", "!/"}) {
    auto refused = list_source(tree.root(), {pattern});
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::usage);
    CHECK(refused.error().message.starts_with("--exclude: "));
  }
  auto nothing = list_source(tree.root(), {"*"});
  REQUIRE_FALSE(nothing.ok());
  CHECK(nothing.error().message.ends_with("holds no files but those that are left out"));
}

TEST_CASE("links of a Hugging Face snapshot are the files to which they lead, and no other link is") {
  Tree tree;
  const std::string repository = "hub/models--acme--m";
  tree.write(repository + "/blobs/id1", "12");
  tree.write("hub/models--acme--other/blobs/id2", "1");
  tree.write("secret", "1");
  const fs::path snapshot = tree.root() / repository / "snapshots/0123";
  fs::create_directories(snapshot / "deep");
  fs::create_symlink("../../blobs/id1", snapshot / "w.bin");
  fs::create_symlink("../../../blobs/id1", snapshot / "deep/w.bin");
  CHECK(names_of(must(list_source(snapshot, {})).files) == Names{"deep/w.bin", "w.bin"});
  CHECK(must(list_source(snapshot, {})).files[1].size == 2);
  CHECK(must(stamp_of(snapshot / "w.bin")).size == 2);
  const std::string root = tree.root().string();
  for (const auto& [target, why] :
       std::vector<std::pair<std::string, std::string>>{{"../../../../secret", "is a symbolic link"},
                                                        {"../../../models--acme--other/blobs/id2", "is a symbolic link"},
                                                        {"../../blobs", "is a symbolic link"},
                                                        {"../../blobs/gone", "is not there"},
                                                        {root + "/.git/annex/objects/ab/x", "git annex get"}}) {
    CAPTURE(target);
    fs::create_symlink(target, snapshot / "bad");
    auto refused = list_source(snapshot, {});
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::usage);
    CHECK(refused.error().message.find(why) != std::string::npos);
    CHECK(list_source(snapshot, {"bad"}).ok());
    fs::remove(snapshot / "bad");
  }
}

}  // namespace
}  // namespace shoal::store
