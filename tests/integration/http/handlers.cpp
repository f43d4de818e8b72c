// Handlers that answer late or never, and the ends of a server's life.
#include <vector>

#include "doctest/doctest.h"
#include "harness.hpp"

namespace shoal::http::test {
namespace {

TEST_CASE("a handler may answer later, from another thread") {
  Guarded<std::optional<Reply>> kept;
  TlsSite site([&kept](const Request&, Reply reply) { kept.lock()->emplace(std::move(reply)); });
  Member node(site.fleet.node(), site.address());
  std::jthread answerer([&kept] {
    CHECK(eventually([&kept] { return kept.lock()->has_value(); }));
    (**kept.lock())({200, "text/plain", "at last"});
  });
  auto response = node.get("/poll");
  REQUIRE_MESSAGE(response.ok(), response.error().message);
  CHECK(response->body == "at last");
}

TEST_CASE("long-polls do not keep the thread: others are served meanwhile") {
  Guarded<std::vector<Reply>> kept;
  PlainSite site([&kept](const Request& request, Reply reply) {
    if (request.path == "/poll") return kept.lock()->push_back(std::move(reply));
    reply({200, "text/plain", "quick"});
  });
  std::vector<std::unique_ptr<RawSocket>> waiting;
  for (int i = 0; i < 50; ++i) {
    waiting.push_back(std::make_unique<RawSocket>(site.server->port()));
    waiting.back()->send(get("/poll"));
  }
  CHECK(eventually([&kept] { return kept.lock()->size() == 50; }));
  CHECK(site.exchange(get("/")).ends_with("quick"));
  for (Reply& reply : *kept.lock()) reply({200, "text/plain", "done"});
  for (auto& socket : waiting) CHECK(receive_answer(*socket).ends_with("done"));
}

TEST_CASE("a client that leaves a long-poll gives its place back") {
  std::atomic<bool> polled{false};
  Guarded<std::vector<Reply>> kept;
  ServerLimits limits;
  limits.connections = 1;
  TlsSite site(
      [&](const Request& request, Reply reply) {
        if (request.path != "/poll") return reply({200, "text/plain", "served"});
        kept.lock()->push_back(std::move(reply));
        polled = true;
      },
      limits);
  {
    RawTls leaving = site.raw(site.fleet.node());
    leaving.send(get("/poll"));
    CHECK(eventually([&polled] { return polled.load(); }));
  }
  CHECK(eventually([&site] {
    RawTls next = site.raw(site.fleet.node());
    return next.send(get("/")) && status_in(receive_answer(next)) == 200;
  }));
}

TEST_CASE("a handler that drops its reply, or throws, makes 500 and nothing worse") {
  PlainSite site([](const Request& request, const Reply& reply) {
    if (request.path == "/throw") throw std::runtime_error("a bug");
    if (request.path == "/ok") reply({200, "text/plain", "fine"});
  });
  CHECK(status_in(site.exchange(get("/throw"))) == 500);
  CHECK(status_in(site.exchange(get("/drop"))) == 500);
  CHECK(status_in(site.exchange(get("/ok"))) == 200);
}

TEST_CASE("a handler that answers too late makes 503, and its answer goes nowhere") {
  Guarded<std::optional<Reply>> kept;
  ServerLimits limits;
  limits.handler = 50ms;
  PlainSite site(
      [&kept](const Request& request, Reply reply) {
        if (request.path != "/late") return reply({200, "text/plain", "next"});
        kept.lock()->emplace(std::move(reply));
      },
      limits);
  RawSocket socket(site.server->port());
  socket.send(get("/late"));
  CHECK(status_in(receive_answer(socket)) == 503);
  (**kept.lock())({200, "text/plain", "late"});
  socket.send(get("/next"));
  CHECK(receive_answer(socket).ends_with("next"));
}

TEST_CASE("a server stops while long-polls wait, and answers after that are harmless") {
  std::vector<Reply> kept;
  std::atomic<int> polls{0};
  Guarded<std::vector<Reply>*> shared(&kept);
  std::vector<std::unique_ptr<RawSocket>> waiting;
  {
    PlainSite site([&](const Request&, Reply reply) {
      (*shared.lock())->push_back(std::move(reply));
      ++polls;
    });
    for (int i = 0; i < 10; ++i) {
      waiting.push_back(std::make_unique<RawSocket>(site.server->port()));
      waiting.back()->send(get("/poll"));
    }
    CHECK(eventually([&polls] { return polls == 10; }));
    RawSocket half(site.server->port());
    half.send("GET / HT");
  }
  for (auto& socket : waiting) {
    CHECK(socket->receive_all().empty());
    CHECK_FALSE(socket->gave_up());
  }
  for (Reply& reply : kept) reply({200, "text/plain", "too late"});
}

TEST_CASE("replies may race with the end of their server") {
  for (int round = 0; round < 30; ++round) {
    Guarded<std::vector<Reply>> kept;
    auto site = std::make_unique<PlainSite>([&kept](const Request&, Reply reply) { kept.lock()->push_back(std::move(reply)); });
    RawSocket first(site->server->port()), second(site->server->port());
    first.send(get("/"));
    second.send(get("/"));
    REQUIRE(eventually([&kept] { return kept.lock()->size() == 2; }));
    std::jthread answerer([&kept] {
      for (Reply& reply : *kept.lock()) reply({200, "text/plain", "maybe"});
    });
    site.reset();
  }
}

TEST_CASE("a port that is taken is named in the error") {
  PlainSite site;
  SystemClock clock;
  ServerOptions options;
  options.listen = {"127.0.0.1", site.server->port()};
  auto second = Server::start(options, clock, [](const Request&, const Reply&) {});
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().message.starts_with("address 127.0.0.1:" + std::to_string(site.server->port()) + " is in use: "));
}

TEST_CASE("an address that is not ours is named in the error") {
  SystemClock clock;
  ServerOptions options;
  options.listen = {"not a host name", 0};
  auto server = Server::start(options, clock, [](const Request&, const Reply&) {});
  REQUIRE_FALSE(server.ok());
  CHECK(server.error().message.find("not a host name") != std::string::npos);
}

TEST_CASE("plain HTTP is refused on any address but loopback") {
  SystemClock clock;
  for (const char* host : {"0.0.0.0", "::", "192.0.2.1"}) {
    ServerOptions options;
    options.listen = {host, 0};
    auto server = Server::start(options, clock, [](const Request&, const Reply&) {});
    REQUIRE_FALSE(server.ok());
    CHECK(server.error().code == ErrorCode::usage);
  }
}

}  // namespace
}  // namespace shoal::http::test
