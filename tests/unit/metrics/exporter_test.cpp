#include "metrics/exporter.hpp"

#include "doctest/doctest.h"
#include "http/plain_client.hpp"
#include "support/test_fleet.hpp"

using namespace shoal;
using namespace shoal::metrics;

namespace {

struct Watched {
  test::TestFleet fleet;
  SystemClock clock;
  identity::CredentialStore credentials{fleet.credentials(identity::Role::node, test::node_id(1), std::chrono::hours(24))};
  Health health;

  Exported exported() {
    return {"node", "1.2.3", credentials, clock, [](Page& page) { page.gauge("mine", "Mine.", 7); }, [this] { return health; }};
  }
  http::Response ask(const std::string& path, const std::string& method = "GET") {
    http::Request request;
    request.method = method;
    request.path = path;
    return answer(request, exported());
  }
};

}  // namespace

TEST_CASE("the page names the build, the certificate's rest and what the role adds") {
  Watched watched;
  const http::Response page = watched.ask("/metrics");
  CHECK(page.status == 200);
  CHECK(page.content_type.starts_with("text/plain; version=0.0.4"));
  for (const char* line :
       {"shoal_build_info{role=\"node\",version=\"1.2.3\"} 1\n", "\nshoal_certificate_seconds_left ", "\nprocess_open_fds ", "\nmine 7\n"})
    CHECK(page.body.find(line) != std::string::npos);
}

TEST_CASE("a service is live before it is ready, and neither when it hangs") {
  Watched watched;
  watched.health = {true, false};
  CHECK(watched.ask("/livez").status == 200);
  CHECK(watched.ask("/readyz").status == 503);
  watched.health = {true, true};
  CHECK(watched.ask("/readyz").status == 200);
  watched.health = {false, true};
  CHECK(watched.ask("/livez").status == 503);
  CHECK(watched.ask("/readyz").status == 503);
}

TEST_CASE("there is nothing else, and nothing can be changed") {
  Watched watched;
  CHECK(watched.ask("/").status == 404);
  CHECK(watched.ask("/metrics/..").status == 404);
  CHECK(watched.ask("/metrics", "POST").status == 405);
  CHECK(watched.ask("/metrics", "POST").allow == "GET, HEAD");
}

TEST_CASE("the exporter answers over plain HTTP, and opens nothing without an address") {
  Watched watched;
  auto none = test::must(Exporter::start(HostPort{}, watched.exported()));
  CHECK(none->port() == 0);
  auto exporter = test::must(Exporter::start(HostPort{"127.0.0.1", 0}, watched.exported()));
  http::ClientRequest request;
  request.method = "GET";
  request.target = "/metrics";
  const http::Response page = test::must(http::send_plain({"127.0.0.1", exporter->port()}, request, {}));
  CHECK(page.status == 200);
  CHECK(page.body.find("mine 7") != std::string::npos);
}
