#include "mesh/served.hpp"

#include <atomic>
#include <thread>

#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::mesh;

namespace {

const LinkKey key{NodeId::parse("aaaaaaaaaaaa").value(), InfoHash{}};

}  // namespace

TEST_CASE("only those who serve an info-hash are told of its links") {
  Served served;
  int told = 0;
  CHECK_FALSE(served.contains(key.info_hash));
  served.tell(key, {1, 2});
  served.add(key.info_hash, [&](const NodeId& peer, const InfoHash& info_hash, VirtualEndpoint endpoint) {
    CHECK(peer == key.peer);
    CHECK(info_hash == key.info_hash);
    CHECK(endpoint == VirtualEndpoint{1, 2});
    ++told;
  });
  CHECK(served.contains(key.info_hash));
  served.tell(key, {1, 2});
  served.remove(key.info_hash);
  served.tell(key, {1, 2});
  CHECK(told == 1);
}

TEST_CASE("when remove returns, the callback runs no more") {
  Served served;
  for (int round = 0; round < 100; ++round) {
    std::atomic<bool> inside = false, gone = false, touched_after = false;
    served.add(key.info_hash, [&](const NodeId&, const InfoHash&, VirtualEndpoint) {
      inside = true;
      for (int i = 0; i < 1000; ++i)
        if (gone) touched_after = true;
    });
    std::jthread teller([&] { served.tell(key, {}); });
    while (!inside) std::this_thread::yield();
    served.remove(key.info_hash);
    gone = true;
    teller.join();
    CHECK_FALSE(touched_after);
  }
}

TEST_CASE("a callback may remove itself") {
  Served served;
  served.add(key.info_hash, [&](const NodeId&, const InfoHash& info_hash, VirtualEndpoint) { served.remove(info_hash); });
  served.tell(key, {});
  CHECK_FALSE(served.contains(key.info_hash));
}
