#include "mesh/record_progress.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "doctest/doctest.h"

using shoal::mesh::RecordProgress;

namespace {

std::string record(std::size_t body) {
  return std::string{'\x17', '\x03', '\x03', static_cast<char>(body >> 8), static_cast<char>(body)} + std::string(body, '\xff');
}

}  // namespace

TEST_CASE("between records any byte is news, within one only its last") {
  RecordProgress progress;
  CHECK(progress.missing() == 1);
  const std::string bytes = record(16401);
  progress.passed(bytes.data(), 3);
  CHECK(progress.missing() == 2);
  progress.passed(bytes.data() + 3, 2);
  CHECK(progress.missing() == 16401);
  progress.passed(bytes.data() + 5, 16400);
  CHECK(progress.missing() == 1);
  progress.passed(bytes.data() + 16405, 1);
  CHECK(progress.missing() == 1);
}

TEST_CASE("what is missing is right wherever the stream is cut") {
  std::mt19937 random(7);
  std::string stream;
  std::vector<std::size_t> ends;
  for (int i = 0; i < 200; ++i) {
    stream += record(random() % 3 == 0 ? random() % 16384 : random() % 40);
    ends.push_back(stream.size());
  }
  RecordProgress progress;
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t step = std::min<std::size_t>(stream.size() - at, 1 + random() % 5000);
    progress.passed(stream.data() + at, step);
    at += step;
    const std::size_t end = *std::lower_bound(ends.begin(), ends.end(), at);
    if (end == at) REQUIRE(progress.missing() == 1);
    else REQUIRE(progress.missing() <= end - at);
  }
}
