// The real file layer: what goes around the page cache and what goes through it is one file.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "doctest/doctest.h"
#include "store/file_layer.hpp"

using namespace shoal;
using namespace shoal::store;

namespace {

constexpr std::size_t page = 4096;

/// Memory that starts on a page, filled so that no two blocks are alike.
struct Pages {
  explicit Pages(std::size_t length) : bytes(length + page, '\0') {
    std::size_t room = bytes.size();
    void* start = bytes.data();
    data = static_cast<char*>(std::align(page, length, start, room));
    for (std::size_t i = 0; i < length; ++i) data[i] = static_cast<char>(i * 31 + i / 251);
  }
  std::vector<char> bytes;
  char* data = nullptr;
};

struct Written {
  std::size_t offset, length, skew;  // skew: how far the memory is from a page's beginning
};

void write_and_read_back(const fs::path& directory, const Written& how) {
  PosixFiles layer;
  auto root = std::move(layer.open_directory(directory)).value();
  auto file = std::move(root->open("file", OpenMode::create)).value();
  REQUIRE(file->reserve(0, 4 * MiB) == 0);
  const Pages memory(2 * MiB);
  const char* from = memory.data + how.skew;
  // Two buffers, as a piece has many.
  const std::size_t half = how.length / 2 / page * page;
  iovec parts[] = {{const_cast<char*>(from), half}, {const_cast<char*>(from + half), how.length - half}};
  const IoResult result = file->write(how.offset, parts);
  CHECK(result.error == 0);
  CHECK(result.bytes == how.length);
  std::string back(how.length, '\0');
  CHECK(read_exactly(*file, how.offset, back.data(), back.size()) == 0);
  CHECK(back == std::string(from, how.length));
  CHECK(file->sync() == 0);
  CHECK(fs::file_size(directory / "file") == 4 * MiB);
}

}  // namespace

TEST_CASE("what is written reads back the same, however it lies in memory and in the file") {
  const Written ways[] = {{0, MiB, 0}, {MiB, MiB + 5, 0},         {page, 64 * KiB, 0},      {7, MiB, 0}, {0, MiB, 3}, {512, MiB, 0},
                          {0, 5, 0},   {MiB, 64 * KiB - page, 0}, {MiB, 300 * KiB + 1, 512}};
  TempDirectory on_disk;
  for (const Written& way : ways) {
    CAPTURE(way.offset);
    CAPTURE(way.length);
    CAPTURE(way.skew);
    write_and_read_back(on_disk.path(), way);
  }
}

TEST_CASE("where the file system refuses direct writes, files are written all the same") {
  const fs::path in_memory = "/dev/shm/shoal-direct-" + std::to_string(::getpid());
  if (!fs::is_directory("/dev/shm") || !fs::create_directory(in_memory)) return;
  write_and_read_back(in_memory, {0, MiB, 0});
  write_and_read_back(in_memory, {MiB, MiB + 5, 0});
  fs::remove_all(in_memory);
}

TEST_CASE("a page that was read before it was written is read anew") {
  TempDirectory dir;
  PosixFiles layer;
  auto root = std::move(layer.open_directory(dir.path())).value();
  auto file = std::move(root->open("file", OpenMode::create)).value();
  REQUIRE(file->reserve(0, MiB) == 0);
  std::string back(MiB, 'x');
  REQUIRE(read_exactly(*file, 0, back.data(), back.size()) == 0);
  CHECK(back == std::string(MiB, '\0'));
  const Pages memory(MiB);
  CHECK(write_exactly(*file, 0, memory.data, MiB) == 0);
  REQUIRE(read_exactly(*file, 0, back.data(), back.size()) == 0);
  CHECK(back == std::string(memory.data, MiB));
}

TEST_CASE("reading a source leaves the access time of its files alone") {
  TempDirectory directory;
  const fs::path path = directory.path() / "file";
  REQUIRE(write_file_durably(path, "text").ok());
  const timespec long_ago[] = {{1'000'000, 0}, {2'000'000, 0}};  // also what relatime would move
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), long_ago, 0) == 0);
  PosixFiles layer;
  auto root = std::move(layer.open_directory(directory.path())).value();
  auto file = std::move(root->open("file", OpenMode::read)).value();
  std::string back(4, '\0');
  CHECK(read_exactly(*file, 0, back.data(), back.size()) == 0);
  CHECK(back == "text");
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK(info.st_atim.tv_sec == 1'000'000);
}
