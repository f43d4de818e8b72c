#include "base/guarded.hpp"

#include <condition_variable>
#include <memory>
#include <thread>
#include <vector>

#include "doctest/doctest.h"

using namespace shoal;

TEST_CASE("increments from many threads are all counted") {
  Guarded<int> counter(0);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 10'000; ++i) counter.with([](int& value) { ++value; });
      });
  }
  CHECK(counter.with([](int value) { return value; }) == 40'000);
}

TEST_CASE("a locked value can be waited on") {
  Guarded<bool> ready(false);
  std::condition_variable changed;
  std::jthread setter([&] {
    ready.with([](bool& value) { value = true; });
    changed.notify_one();
  });
  auto locked = ready.lock();
  CHECK(changed.wait_for(locked.lock(), std::chrono::seconds(30), [&] { return *locked; }));
}

TEST_CASE("a guarded value may be one that can only be moved, and results come out") {
  Guarded<std::unique_ptr<int>> guarded(std::make_unique<int>(3));
  CHECK(**guarded.lock() == 3);
  std::unique_ptr<int> taken = guarded.with([](std::unique_ptr<int>& value) { return std::move(value); });
  CHECK(*taken == 3);
  const Guarded<int> constant(4);
  CHECK(constant.with([](const int& value) { return value; }) == 4);
}
