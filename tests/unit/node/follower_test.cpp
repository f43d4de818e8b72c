#include "node/follower.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "registry/freshness_query.hpp"

using namespace shoal;
using manifest::ChannelPlace;
using Places = std::vector<ChannelPlace>;

TEST_CASE("all channels of a shard are asked for by one of their places") {
  CHECK(node::groups_of({}, 1).empty());
  CHECK(node::groups_of({1, 2, 4000}, 1) == std::vector<Places>{{1}});
  // Two shards: places up to 2047, and from 2048 on.
  CHECK(node::groups_of({1, 2, 2047, 2048, 4000}, 2) == std::vector<Places>{{1, 2048}});
}

TEST_CASE("as many places go into a request as the tracker takes, and none is left out") {
  Places all(1U << manifest::place_bits);
  std::iota(all.begin(), all.end(), ChannelPlace{0});
  const auto groups = node::groups_of(all, 1U << manifest::place_bits);
  Places together;
  for (const Places& group : groups) {
    CHECK(group.size() <= registry::most_places);
    together.insert(together.end(), group.begin(), group.end());
  }
  CHECK(together == all);
  CHECK(groups.size() == (all.size() + registry::most_places - 1) / registry::most_places);
}
