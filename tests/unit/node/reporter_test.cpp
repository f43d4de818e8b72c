#include "node/reporter.hpp"

#include <doctest/doctest.h>

#include "support/must.hpp"

using namespace shoal;
using test::must;

namespace {

registry::NodeReport report(const std::string& phase, ByteCount done) {
  registry::NodeReport report{"shoal 1", {}};
  report.subscriptions.push_back(
      {must(ModelName::parse("acme/llama")), must(ChannelName::parse("main")), phase, {}, {}, "", "", "", done, 100, ""});
  return report;
}

}  // namespace

TEST_CASE("progress alone is no reason for another report") {
  CHECK(node::lasting_part(report("fetching", 1)) == node::lasting_part(report("fetching", 99)));
}

TEST_CASE("a transfer is a reason for a report when it begins and when it ends, and not while it moves") {
  registry::TransferReport transfer;
  transfer.size = 100;
  auto at = [&](ByteCount done) {
    transfer.done = transfer.from_peers = done;
    return registry::NodeReport{"shoal 1", {}, {transfer}, done, 1000};
  };
  CHECK(node::lasting_part(at(1)) == node::lasting_part(at(99)));
  CHECK(node::lasting_part(at(1)) != node::lasting_part({"shoal 1", {}}));
  CHECK(node::lasting_part(at(99)) != node::lasting_part(at(100)));
}

TEST_CASE("another phase is") { CHECK(node::lasting_part(report("fetching", 1)) != node::lasting_part(report("verified", 1))); }
