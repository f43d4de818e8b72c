// The client against trackers that are slow, gone, or worse.
#include "http/client.hpp"

#include "doctest/doctest.h"
#include "harness.hpp"

namespace shoal::http::test {
namespace {

using SslHandle = std::unique_ptr<SSL, identity::Free<SSL_free>>;

/// A tracker that does what a test says with each connection, one after the other.
class FakeTracker {
 public:
  /// Reads and writes on the nth connection (from 1); it is closed when this returns.
  using Script = std::function<void(SSL* ssl, int connection)>;

  explicit FakeTracker(Script script) : script_(std::move(script)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in any = loopback(0);
    socklen_t size = sizeof any;
    must(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&any), size) == 0 && ::listen(listener_.get(), 16) == 0 &&
             ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&any), &size) == 0,
         "listener");
    port_ = ntohs(any.sin_port);
    thread_ = std::jthread([this] { serve(); });
  }
  ~FakeTracker() { ::shutdown(listener_.get(), SHUT_RDWR); }

  TestFleet fleet;
  HostPort address() const { return {"127.0.0.1", port_}; }
  int connections() const { return connections_; }

 private:
  void serve() {
    auto context = must(identity::server_context(fleet.tracker(), {{std::string(identity::alpn_http)}, false, true}));
    for (int fd = ::accept(listener_.get(), nullptr, nullptr); fd >= 0; fd = ::accept(listener_.get(), nullptr, nullptr)) {
      RawSocket socket(fd);
      SslHandle ssl(SSL_new(context.native()));
      SSL_set_fd(ssl.get(), fd);
      ++connections_;
      if (SSL_accept(ssl.get()) == 1) script_(ssl.get(), connections_);
    }
  }

  Script script_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::jthread thread_;
};

/// One request without a body; false at the end of the connection.
bool read_request(SSL* ssl) {
  std::string text;
  char byte;
  while (!text.ends_with("\r\n\r\n")) {
    if (SSL_read(ssl, &byte, 1) != 1) return false;
    text += byte;
  }
  return true;
}
void write(SSL* ssl, std::string_view text) { SSL_write(ssl, text.data(), static_cast<int>(text.size())); }
void answer(SSL* ssl, const std::string& body) {
  write(ssl, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}
void answer_all(SSL* ssl, int connection) {
  while (read_request(ssl)) answer(ssl, "connection " + std::to_string(connection));
}

TEST_CASE("requests share a connection while it lives") {
  FakeTracker tracker(answer_all);
  Member node(tracker.fleet.node(), tracker.address());
  for (int i = 0; i < 5; ++i) {
    auto response = node.get("/");
    REQUIRE_MESSAGE(response.ok(), response.error().message);
    CHECK(response->body == "connection 1");
    CHECK(response->content_type == "text/plain");
  }
  CHECK(tracker.connections() == 1);
}

TEST_CASE("an answer that closes the connection makes the next request open one") {
  FakeTracker tracker([](SSL* ssl, int connection) {
    read_request(ssl);
    write(ssl, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n" + std::to_string(connection));
    read_request(ssl);
  });
  Member node(tracker.fleet.node(), tracker.address());
  CHECK(node.get("/")->body == "1");
  CHECK(node.get("/")->body == "2");
}

TEST_CASE("a connection that the server closed meanwhile is replaced") {
  FakeTracker tracker([](SSL* ssl, int connection) {
    if (read_request(ssl)) answer(ssl, std::to_string(connection));
  });
  Member node(tracker.fleet.node(), tracker.address());
  for (int i = 1; i <= 4; ++i) {
    auto response = node.get("/");
    REQUIRE_MESSAGE(response.ok(), response.error().message);
    CHECK(response->body == std::to_string(i));
  }
}

TEST_CASE("a request on a connection that the server is closing is sent once more") {
  FakeTracker tracker([](SSL* ssl, int connection) {
    if (connection > 1) return answer_all(ssl, connection);
    read_request(ssl);
    answer(ssl, "first");
    read_request(ssl);  // the second request is taken, and the connection closed without an answer
  });
  Member node(tracker.fleet.node(), tracker.address());
  CHECK(node.get("/")->body == "first");
  auto second = node.get("/");
  REQUIRE_MESSAGE(second.ok(), second.error().message);
  CHECK(second->body == "connection 2");
}

TEST_CASE("a request is not sent again where an answer had begun, or on a new connection") {
  FakeTracker tracker([](SSL* ssl, int connection) {
    read_request(ssl);
    if (connection == 1) answer(ssl, "first");
    if (connection == 1) read_request(ssl);
    if (connection == 1) write(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  });
  Member node(tracker.fleet.node(), tracker.address());
  CHECK(node.get("/").ok());
  auto half = node.get("/");
  REQUIRE_FALSE(half.ok());
  CHECK(half.error().code == ErrorCode::unreachable);
  CHECK(tracker.connections() == 1);
  auto none = node.get("/");
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().code == ErrorCode::unreachable);
  CHECK(tracker.connections() == 2);
}

TEST_CASE("a tracker that does not answer is unreachable after the time-out") {
  std::promise<void> done;
  FakeTracker tracker([end = done.get_future().share()](SSL* ssl, int) {
    read_request(ssl);
    end.wait_for(patience);
  });
  Member node(tracker.fleet.node(), tracker.address());
  auto response = node.get("/", 150ms);
  done.set_value();
  REQUIRE_FALSE(response.ok());
  CHECK(response.error().code == ErrorCode::unreachable);
  CHECK(response.error().message.find("no answer within") != std::string::npos);
  CHECK(response.error().message.find(tracker.address().str()) != std::string::npos);
}

TEST_CASE("a port that never shakes hands is unreachable after the time-out") {
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in any = loopback(0);
  socklen_t size = sizeof any;
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&any), size) == 0);
  REQUIRE(::listen(listener.get(), 1) == 0);
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&any), &size);
  TestFleet fleet;
  Member node(fleet.node(), {"127.0.0.1", ntohs(any.sin_port)});
  auto response = node.get("/", 150ms);
  REQUIRE_FALSE(response.ok());
  CHECK(response.error().code == ErrorCode::unreachable);
}

TEST_CASE("a tracker that is down is named, with the reason") {
  std::uint16_t port = PlainSite().server->port();
  TestFleet fleet;
  Member node(fleet.node(), {"127.0.0.1", port});
  auto response = node.get("/");
  REQUIRE_FALSE(response.ok());
  CHECK(response.error().code == ErrorCode::unreachable);
  CHECK(response.error().message == "tracker 127.0.0.1:" + std::to_string(port) + " cannot be reached: connection refused");
}

TEST_CASE("a client finds the tracker again after it was down") {
  TlsSite site;
  Member node(site.fleet.node(), site.address());
  REQUIRE(node.get("/").ok());
  HostPort address = site.address();
  site.server.reset();
  CHECK(node.get("/").error().code == ErrorCode::unreachable);
  site.server = must(Server::start({address, &site.source, {}, 1}, site.clock, echo(site.seen)));
  CHECK(node.get("/").ok());
}

TEST_CASE("a host name is tried at each of its addresses") {
  TlsSite site;  // on 127.0.0.1 only; localhost may be ::1 first
  Member node(site.fleet.node(), {"localhost", site.server->port()});
  auto response = node.get("/");
  REQUIRE_MESSAGE(response.ok(), response.error().message);
}

TEST_CASE("a host that does not exist is unreachable") {
  TestFleet fleet;
  Member node(fleet.node(), {"no-such-host.invalid", 1});
  auto response = node.get("/", 5s);
  REQUIRE_FALSE(response.ok());
  CHECK(response.error().code == ErrorCode::unreachable);
  CHECK(response.error().message.find("no-such-host.invalid") != std::string::npos);
}

TEST_CASE("a stop interrupts a request that waits") {
  std::promise<void> asked, done;
  FakeTracker tracker([&asked, end = done.get_future().share()](SSL* ssl, int) {
    read_request(ssl);
    asked.set_value();
    end.wait_for(patience);
  });
  Member node(tracker.fleet.node(), tracker.address());
  std::jthread stopper([&] {
    asked.get_future().wait_for(patience);
    node.stop.request_stop();
  });
  auto response = node.get("/", 10min);
  done.set_value();
  REQUIRE_FALSE(response.ok());
  CHECK(response.error().code == ErrorCode::interrupted);
}

TEST_CASE("a stop before a request interrupts it before it is sent") {
  TlsSite site;
  Member node(site.fleet.node(), site.address());
  node.stop.request_stop();
  CHECK(node.get("/").error().code == ErrorCode::interrupted);
  CHECK(site.seen.requests == 0);
}

TEST_CASE("stops may come at any time") {
  TlsSite site;
  Member node(site.fleet.node(), site.address());
  for (int round = 0; round < 50; ++round) {
    std::stop_source stop;
    ClientRequest request;
    request.target = "/";
    std::jthread stopper([&stop] { stop.request_stop(); });
    auto response = node.client->send(request, stop.get_token());
    CHECK((response.ok() || response.error().code == ErrorCode::interrupted));
  }
  CHECK(node.get("/").ok());
}

TEST_CASE("a stop that comes after an answer does not end the connection") {
  FakeTracker tracker(answer_all);
  Member node(tracker.fleet.node(), tracker.address());
  std::stop_source late;
  ClientRequest request;
  request.target = "/";
  REQUIRE(node.client->send(request, late.get_token()).ok());
  late.request_stop();
  CHECK(node.get("/")->body == "connection 1");
}

TEST_CASE("an answer over the limit is an error and not memory") {
  FakeTracker tracker([](SSL* ssl, int connection) {
    read_request(ssl);
    if (connection == 1) return answer(ssl, std::string(1001, 'x'));
    write(ssl, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (std::string chunk = "64\r\n" + std::string(100, 'x') + "\r\n"; SSL_write(ssl, chunk.data(), static_cast<int>(chunk.size())) > 0;) {
    }
  });
  Member node(tracker.fleet.node(), tracker.address());
  for (int connection = 1; connection <= 2; ++connection) {
    ClientRequest request;
    request.target = "/";
    request.body_limit = 1000;
    auto response = node.client->send(request, {});
    REQUIRE_FALSE(response.ok());
    CHECK(response.error().code == ErrorCode::failed);
  }
}

TEST_CASE("answers that are not HTTP are errors") {
  const std::vector<std::string> table = {"hello\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                                          "HTTP/1.1 200 OK\r\n" + std::string(20 * KiB, 'x') + "\r\n\r\n",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"};
  FakeTracker tracker([&table](SSL* ssl, int connection) {
    read_request(ssl);
    write(ssl, table.at(static_cast<std::size_t>(connection - 1)));
  });
  Member node(tracker.fleet.node(), tracker.address());
  for (std::size_t i = 0; i < table.size(); ++i) {
    CAPTURE(table[i].substr(0, 80));
    CHECK_FALSE(node.get("/").ok());
  }
}

TEST_CASE("a target that could smuggle a second request is not sent") {
  TlsSite site;
  Member node(site.fleet.node(), site.address());
  for (const char* target : {"/a b", "/a\r\nX: y", "/\t", "/\x7f"}) CHECK(node.get(target).error().code == ErrorCode::usage);
  CHECK(site.seen.requests == 0);
}

TEST_CASE("a tracker that speaks plain HTTP is unreachable") {
  PlainSite site;
  TestFleet fleet;
  Member node(fleet.node(), {"127.0.0.1", site.server->port()});
  auto response = node.get("/");
  REQUIRE_FALSE(response.ok());
  CHECK(response.error().code == ErrorCode::unreachable);
}

}  // namespace
}  // namespace shoal::http::test
