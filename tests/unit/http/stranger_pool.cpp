#include "http/stranger_pool.hpp"

#include <vector>

#include "doctest/doctest.h"

namespace shoal::http {
namespace {

using std::chrono::seconds;

const SteadyTime start{};

struct Lobby {
  Lobby(std::size_t places, seconds grace) : pool(places, grace) {}
  bool enter(const std::string& block, seconds at) {
    auto place = pool.enter(block, start + at, [this, block] { gone.push_back(block); });
    if (place) places.push_back(std::move(*place));
    return place.has_value();
  }
  StrangerPool pool;
  std::vector<std::string> gone;
  std::vector<StrangerPool::Place> places;
};

TEST_CASE("a flood from one address displaces itself") {
  Lobby lobby(3, seconds(0));
  CHECK(lobby.enter("honest", seconds(0)));
  for (int i = 1; i < 100; ++i) CHECK(lobby.enter("flood", seconds(i)));
  CHECK(lobby.gone == std::vector<std::string>(97, "flood"));
  CHECK(lobby.pool.open() == 3);
  CHECK(lobby.pool.displaced() == 97);
}

TEST_CASE("among addresses with as many connections the oldest makes room") {
  Lobby lobby(3, seconds(0));
  for (const char* block : {"c", "a", "b"}) CHECK(lobby.enter(block, seconds(static_cast<long>(lobby.places.size()))));
  CHECK(lobby.enter("d", seconds(9)));
  CHECK(lobby.gone == std::vector<std::string>{"c"});
}

TEST_CASE("a young connection is not displaced: the next one has to wait") {
  Lobby lobby(2, seconds(5));
  CHECK(lobby.enter("a", seconds(0)));
  CHECK(lobby.enter("a", seconds(1)));
  CHECK_FALSE(lobby.pool.has_room(start + seconds(4)));
  CHECK_FALSE(lobby.enter("b", seconds(4)));
  CHECK(lobby.pool.has_room(start + seconds(5)));
  CHECK(lobby.enter("b", seconds(5)));
}

TEST_CASE("a connection whose request is being answered keeps its place") {
  Lobby lobby(2, seconds(0));
  CHECK(lobby.enter("a", seconds(0)));
  CHECK(lobby.enter("a", seconds(1)));
  lobby.places[0].set_busy(true);
  CHECK(lobby.enter("b", seconds(2)));
  CHECK(lobby.gone == std::vector<std::string>{"a"});
  lobby.places[2].set_busy(true);
  CHECK_FALSE(lobby.enter("c", seconds(3)));
  lobby.places[0].set_busy(false);
  CHECK(lobby.enter("c", seconds(3)));
}

TEST_CASE("a place that was displaced is given back once") {
  Lobby lobby(1, seconds(0));
  CHECK(lobby.enter("a", seconds(0)));
  CHECK(lobby.enter("b", seconds(1)));
  lobby.places.erase(lobby.places.begin());
  CHECK(lobby.pool.open() == 1);
  lobby.places.clear();
  CHECK(lobby.pool.open() == 0);
}

}  // namespace
}  // namespace shoal::http
