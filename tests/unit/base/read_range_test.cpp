#include "base/read_range.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>

#include "support/must.hpp"

using namespace shoal;
using test::must;

TEST_CASE("a range has the bytes asked for, and fewer where the file ends") {
  TempDirectory directory;
  const fs::path path = directory.path() / "file";
  must(write_file_durably(path, "0123456789"));
  const UniqueFd file = must(open_file(path, O_RDONLY));
  CHECK(must(read_range(file, path, 2, 3)) == "234");
  CHECK(must(read_range(file, path, 8, 100)) == "89");
  CHECK(must(read_range(file, path, 100, 1)).empty());
  char buffer[4];
  CHECK(must(read_at(file, 7, buffer)) == 3);
  CHECK(std::string(buffer, 3) == "789");
}

TEST_CASE("what cannot be read is an error that names the file") {
  TempDirectory directory;
  const UniqueFd file = must(open_file(directory.path(), O_RDONLY | O_DIRECTORY));
  auto read = read_range(file, "the/file", 0, 1);
  REQUIRE_FALSE(read.ok());
  CHECK(read.error().message.find("the/file") != std::string::npos);
  char buffer[1];
  CHECK_FALSE(read_at(file, 0, buffer).ok());
}
