// How the engine divides up the descriptors that the process may have.
#include <doctest/doctest.h>

#include "swarm/session_settings.hpp"

namespace shoal::swarm {

TEST_CASE("files and connections together stay below the limit, and leave something for everything else") {
  for (const std::size_t limit : {256, 512, 1024, 4096, 65536, 1 << 20}) {
    CAPTURE(limit);
    const Descriptors share = share_descriptors(limit, 1000);
    const std::size_t taken = 2 * share.files + 3 * static_cast<std::size_t>(share.connections);
    CHECK(taken + 64 <= limit);
    CHECK(share.files >= 16);
    CHECK(share.connections >= 16);
  }
}

TEST_CASE("a generous limit changes nothing about the connections that were asked for") {
  CHECK(share_descriptors(65536, 1000).connections == 1000);
  CHECK(share_descriptors(65536, 3).connections == 3);
  CHECK(share_descriptors(1024, 3).connections == 3);
  CHECK(share_descriptors(1024, 1000).connections < 1000);
}

}  // namespace shoal::swarm
