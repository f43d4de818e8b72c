#include "node/fetch_progress.hpp"

#include <doctest/doctest.h>

using namespace shoal;

TEST_CASE("the line of a fetch says what is done, from whom, and whether it is checking") {
  swarm::Progress progress;
  progress.done = 3;
  progress.size = 10;
  progress.peers = 1;
  progress.from_mirrors = 2 * MiB;
  const cli::Moment fetching = node::moment_of("acme/llama@1.0", progress, {});
  CHECK(fetching.what == "fetching acme/llama@1.0");
  CHECK(fetching.detail.starts_with("1 peer, "));
  CHECK(fetching.detail.find("from mirrors") != std::string::npos);
  CHECK(fetching.extra["from_mirrors"] == 2 * MiB);
  progress.checking = true;
  progress.peers = 2;
  progress.from_mirrors = 0;
  const cli::Moment checking = node::moment_of("acme/llama@1.0", progress, {});
  CHECK(checking.what == "checking acme/llama@1.0");
  CHECK(checking.detail.starts_with("2 peers, "));
  CHECK(checking.detail.find("from mirrors") == std::string::npos);
}
