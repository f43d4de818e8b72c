#include "tracker/fair_queue.hpp"

#include <string>
#include <vector>

#include "doctest/doctest.h"

using namespace shoal::tracker;

namespace {

struct Desk {
  std::vector<std::function<void()>> posted;
  std::string done;
  FairQueue queue{3, [this](FairQueue::Work work) { posted.push_back(std::move(work)); }};
  bool add(const std::string& who) {
    return queue.add(who, [this, who] { done += who; });
  }
  void run() {
    for (auto& work : std::exchange(posted, {})) work();
  }
};

}  // namespace

TEST_CASE("who asks a lot waits for himself") {
  Desk desk;
  for (const char* who : {"a", "a", "a", "b", "c"}) CHECK(desk.add(who));
  desk.run();
  CHECK(desk.done == "abcaa");
}

TEST_CASE("a caller has no more waiting than his share, and may ask again when some is done") {
  Desk desk;
  for (int i = 0; i < 3; ++i) CHECK(desk.add("a"));
  CHECK_FALSE(desk.add("a"));
  CHECK(desk.add("b"));
  desk.run();
  CHECK(desk.done == "abaa");
  CHECK(desk.add("a"));
}
