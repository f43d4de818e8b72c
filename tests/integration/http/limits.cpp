// A server refuses to spend more than its limits on its clients.
#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <vector>

#include "doctest/doctest.h"
#include "harness.hpp"

namespace shoal::http::test {
namespace {

ServerLimits with_body(ByteCount limit) {
  ServerLimits limits;
  limits.body = [limit](const std::string&, const std::string&, const identity::Certificate*) { return limit; };
  return limits;
}

TEST_CASE("a header over the limit gets 431") {
  TlsSite site;
  RawTls client = site.raw(site.fleet.node());
  client.send(get("/", "X: " + std::string(17 * KiB, 'x') + "\r\n"));
  CHECK(status_in(client.receive_all()) == 431);

  RawTls endless = site.raw(site.fleet.node());
  endless.send("GET /" + std::string(17 * KiB, 'x'));
  CHECK(status_in(endless.receive_all()) == 431);

  RawTls within = site.raw(site.fleet.node());
  within.send(get("/", "X: " + std::string(15 * KiB, 'x') + "\r\n"));
  CHECK(status_in(receive_answer(within)) == 200);
  CHECK(site.seen.requests == 1);
}

TEST_CASE("a body over the limit gets 413 before it is read") {
  TlsSite site({}, with_body(100));
  Member node(site.fleet.node(), site.address());
  auto fits = node.client->send({"PUT", "/", std::string(100, 'x')}, {});
  REQUIRE(fits.ok());
  CHECK(fits->status == 200);
  auto over = node.client->send({"PUT", "/", std::string(101, 'x')}, {});
  REQUIRE_MESSAGE(over.ok(), over.error().message);
  CHECK(over->status == 413);
  auto far_over = node.client->send({"PUT", "/", std::string(3 * MiB, 'x')}, {});
  REQUIRE_MESSAGE(far_over.ok(), far_over.error().message);
  CHECK(far_over->status == 413);
  CHECK(site.seen.requests == 1);
}

TEST_CASE("a body in chunks that grows over the limit gets 413") {
  PlainSite site({}, with_body(100));
  std::string chunk = "32\r\n" + std::string(50, 'x') + "\r\n";
  const std::string head = "PUT / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(status_in(site.exchange(head + chunk + chunk + "0\r\n\r\n")) == 200);
  CHECK(status_in(site.exchange(head + chunk + chunk + chunk + "0\r\n\r\n")) == 413);
  CHECK(status_in(site.exchange(head + "ffffffff\r\n")) == 413);
}

TEST_CASE("the limit of a body is decided by who asks for what") {
  ServerLimits limits;
  limits.body = [](const std::string& method, const std::string& path, const identity::Certificate* peer) -> ByteCount {
    return method == "PUT" && path == "/big" && peer != nullptr && peer->identity.role == identity::Role::publisher ? 1 * MiB : 10;
  };
  TlsSite site({}, limits);
  Member publisher(site.fleet.credentials(identity::Role::publisher, node_id(9)), site.address());
  Member node(site.fleet.node(), site.address());
  std::string body(512 * KiB, 'b');
  CHECK(publisher.client->send({"PUT", "/big", body}, {})->status == 200);
  CHECK(publisher.client->send({"PUT", "/small", body}, {})->status == 413);
  CHECK(node.client->send({"PUT", "/big", body}, {})->status == 413);
}

TEST_CASE("a client that waits for 100 Continue gets it, or the refusal at once") {
  PlainSite site({}, with_body(10));
  RawSocket socket(site.server->port());
  socket.send("PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  CHECK(socket.receive() == "HTTP/1.1 100 Continue\r\n\r\n");
  socket.send("hello");
  CHECK(receive_answer(socket).ends_with("PUT / hello"));
  CHECK(status_in(site.exchange("PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n")) == 413);
  CHECK(status_in(site.exchange("PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: tea\r\n\r\nhello")) == 417);
}

/// Sends a byte now and then until the server has had enough.
template <class Stream>
bool is_closed_while_dripping(Stream& stream, int fd) {
  return eventually([&] {
    if (!stream.send("x")) return true;
    pollfd readable{fd, POLLIN, 0};
    return ::poll(&readable, 1, 5) == 1;
  });
}

TEST_CASE("a client that drips its header is closed at the deadline") {
  ServerLimits limits;
  limits.header_read = 200ms;
  TlsSite site({}, limits);
  RawTls client = site.raw(site.fleet.node());
  REQUIRE(client.connected());
  client.send("GET / HTTP/1.1\r\nX: ");
  CHECK(is_closed_while_dripping(client, client.socket().fd()));
  CHECK(client.receive_all().empty());
}

TEST_CASE("a client that drips its body is closed at the deadline") {
  ServerLimits limits = with_body(MiB);
  limits.body_read = 200ms;
  TlsSite site({}, limits);
  RawTls client = site.raw(site.fleet.node());
  client.send("PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 500000\r\n\r\n");
  CHECK(is_closed_while_dripping(client, client.socket().fd()));
  CHECK(site.seen.requests == 0);
}

TEST_CASE("connections that never ask, or ask no more, are closed at their deadlines") {
  ServerLimits limits;
  limits.header_read = 100ms;
  limits.idle = 100ms;
  PlainSite site({}, limits);
  RawSocket silent(site.server->port());
  CHECK(silent.receive_all().empty());
  CHECK_FALSE(silent.gave_up());
  RawSocket idle(site.server->port());
  idle.send(get("/"));
  CHECK(status_in(receive_answer(idle)) == 200);
  CHECK(idle.receive_all().empty());
  CHECK_FALSE(idle.gave_up());
}

TEST_CASE("two hundred silent connections from one address leave the others served") {
  ServerLimits limits;
  limits.connections_per_address = 20;
  TlsSite site({}, limits);
  std::vector<std::unique_ptr<RawSocket>> silent;
  for (int i = 0; i < 200; ++i) silent.push_back(std::make_unique<RawSocket>(site.server->port(), "127.0.0.2"));
  Member node(site.fleet.node(), site.address());
  auto response = node.get("/");
  REQUIRE_MESSAGE(response.ok(), response.error().message);
  CHECK(response->status == 200);
  auto is_closed = [](const std::unique_ptr<RawSocket>& socket) {
    char byte;
    return ::recv(socket->fd(), &byte, 1, MSG_DONTWAIT) == 0;
  };
  CHECK(eventually([&] { return std::count_if(silent.begin(), silent.end(), is_closed) >= 180; }));
}

TEST_CASE("a connection without a certificate gets one request") {
  TlsSite site;
  RawTls guest(site.server->port(), must(identity::pinned_client_context(site.fleet.authority().pin(), identity::alpn_enrol)));
  REQUIRE_MESSAGE(guest.connected(), guest.error());
  guest.send(get("/") + get("/again"));
  std::string all = guest.receive_all();
  CHECK(status_in(all) == 200);
  CHECK(all.find("/again") == std::string::npos);
  CHECK(site.seen.requests == 1);
}

TEST_CASE("guests displace each other and no member, and a slow handshake displaces none") {
  ServerLimits limits;
  limits.guests = 4;
  limits.handshakes = 4;
  limits.handshake_grace = 50ms;
  limits.connections = 2;
  TlsSite site({}, limits);
  Member node(site.fleet.node(), site.address());
  CHECK(node.get("/")->status == 200);
  auto context = must(identity::pinned_client_context(site.fleet.authority().pin(), identity::alpn_enrol));
  std::vector<std::unique_ptr<RawTls>> guests;
  std::vector<std::unique_ptr<RawSocket>> silent;
  for (int i = 0; i < 20; ++i) {
    guests.push_back(std::make_unique<RawTls>(site.server->port(), context));
    silent.push_back(std::make_unique<RawSocket>(site.server->port(), "127.0.0.2"));
  }
  CHECK(node.get("/")->status == 200);
  Member other(site.fleet.credentials(identity::Role::node, node_id(8)), site.address());
  CHECK(other.get("/")->status == 200);
  guests.back()->send(get("/"));
  CHECK(status_in(guests.back()->receive_all()) == 200);
  CHECK(site.server->counters().displaced >= 16);
}

TEST_CASE("one certificate with too many connections is told so, and another is served") {
  ServerLimits limits;
  limits.connections_per_certificate = 2;
  TlsSite site({}, limits);
  RawTls first = site.raw(site.fleet.node()), second = site.raw(site.fleet.node());
  for (RawTls* client : {&first, &second}) {
    client->send(get("/"));
    CHECK(status_in(receive_answer(*client)) == 200);
  }
  RawTls third = site.raw(site.fleet.node());
  third.send(get("/"));
  std::string refusal = third.receive_all();
  CHECK(status_in(refusal) == 503);
  CHECK(refusal.find("Retry-After: ") != std::string::npos);
  Member other(site.fleet.credentials(identity::Role::node, node_id(8)), site.address());
  CHECK(other.get("/")->status == 200);
}

TEST_CASE("answers that are not read hold room for a while and no longer; who asks beyond it is told when to come back") {
  auto body = std::make_shared<const std::string>(8 * MiB, 'x');
  ServerLimits limits;
  limits.budget.per_client = 20 * MiB;
  limits.write_stall = 300ms;
  auto handler = [body](const Request&, const Reply& reply) {
    Response response{200, "text/plain", {}};
    response.shared = body;
    reply(std::move(response));
  };
  TlsSite site(handler, limits);
  std::vector<std::unique_ptr<RawTls>> unread;
  for (int i = 0; i < 2; ++i) {
    unread.push_back(std::make_unique<RawTls>(site.server->port(), must(identity::client_context(site.fleet.node(), identity::alpn_http))));
    unread.back()->send(get("/"));
  }
  CHECK(eventually([&] { return site.server->counters().in_flight == 16 * MiB; }));
  Member same(site.fleet.node(), site.address());
  ClientRequest request;
  request.target = "/";
  request.body_limit = 16 * MiB;
  auto refused = must(same.client->send(request, {}));
  CHECK(refused.status == 503);
  CHECK(refused.retry_after == 1s);
  CHECK(eventually([&] { return site.server->counters().in_flight == 0; }));
  CHECK(must(same.client->send(request, {})).body.size() == 8 * MiB);
}

TEST_CASE("a large body that is being sent needs room like an answer") {
  ServerLimits limits = with_body(1 * MiB);
  limits.budget.own = 1 * MiB;
  TlsSite site({}, limits);
  RawTls slow = site.raw(site.fleet.node());
  slow.send("PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\nx");
  CHECK(eventually([&] { return site.server->counters().in_flight == 1000000; }));
  Member other(site.fleet.credentials(identity::Role::node, node_id(8)), site.address());
  CHECK(must(other.client->send({"PUT", "/", std::string(100000, 'x')}, {})).status == 503);
  CHECK(must(other.client->send({"PUT", "/", std::string(1000, 'x')}, {})).status == 200);
}

TEST_CASE("places are given back when connections end") {
  ServerLimits limits;
  limits.connections = 2;
  PlainSite site({}, limits);
  for (int i = 0; i < 20; ++i) {
    CHECK(eventually([&] {
      RawSocket socket(site.server->port());
      return socket.send(get("/", "Connection: close\r\n")) && status_in(socket.receive_all()) == 200;
    }));
  }
}

/// Takes every descriptor that the process may still have.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit few = before_;
    few.rlim_cur = 256;
    ::setrlimit(RLIMIT_NOFILE, &few);
    for (int fd = take(); fd >= 0; fd = take()) taken_.emplace_back(fd);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  static int take() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
  rlimit before_{};
  std::vector<UniqueFd> taken_;
};

TEST_CASE("a server without descriptors accepts again when there are some") {
  PlainSite site;
  UniqueFd waiting(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  RawSocket client(waiting.release());
  {
    NoDescriptors none;
    sockaddr_in target = loopback(site.server->port());
    REQUIRE(::connect(client.fd(), reinterpret_cast<sockaddr*>(&target), sizeof target) == 0);
    client.send(get("/"));
    pollfd answered{client.fd(), POLLIN, 0};
    CHECK(::poll(&answered, 1, 300) == 0);
  }
  CHECK(status_in(receive_answer(client)) == 200);
}

}  // namespace
}  // namespace shoal::http::test
