// What a server does with requests, good and bad.
#include "http/server.hpp"

#include <fcntl.h>
#include <sys/resource.h>

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

TEST_CASE("answers name neither the program nor its libraries") {
  PlainSite site;
  std::string answer = site.exchange(get("/"));
  CHECK(status_in(answer) == 200);
  CHECK(answer.find("Server") == std::string::npos);
  CHECK(answer.find("Beast") == std::string::npos);
}

TEST_CASE("HTTP/1.1 keeps the connection and HTTP/1.0 does not, unless they ask") {
  PlainSite site;
  RawSocket socket(site.server->port());
  for (int i = 0; i < 3; ++i) {
    socket.send(get("/" + std::to_string(i)));
    CHECK(receive_answer(socket).ends_with("GET /" + std::to_string(i) + " "));
  }
  socket.send(get("/last", "Connection: close\r\n"));
  CHECK(status_in(socket.receive_all()) == 200);

  RawSocket old(site.server->port());
  old.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(receive_answer(old).find("keep-alive") != std::string::npos);
  old.send("GET / HTTP/1.0\r\n\r\n");
  CHECK(status_in(old.receive_all()) == 200);
  CHECK_FALSE(old.gave_up());
}

TEST_CASE("requests that are sent ahead are answered one after the other") {
  PlainSite site;
  std::string many;
  for (int i = 0; i < 200; ++i) many += get("/" + std::to_string(i));
  std::string answers = site.exchange(many);
  std::size_t at = 0;
  for (int i = 0; i < 200; ++i) {
    at = answers.find("GET /" + std::to_string(i) + " ", at);
    REQUIRE(at != std::string::npos);
  }
  CHECK(site.seen.requests == 200);
}

TEST_CASE("HEAD gets the header of an answer and no body") {
  PlainSite site;
  std::string answer = site.exchange("HEAD /x HTTP/1.1\r\nHost: t\r\n\r\n");
  CHECK(status_in(answer) == 200);
  CHECK(answer.find("Content-Length: 8\r\n") != std::string::npos);
  CHECK(answer.ends_with("\r\n\r\n"));
}

TEST_CASE("unknown methods are for the handler to judge") {
  PlainSite site;
  CHECK(site.exchange("BREW /pot HTTP/1.1\r\nHost: t\r\n\r\n").ends_with("BREW /pot "));
}

TEST_CASE("bodies arrive whole, by length and in chunks, and trailers are no headers") {
  PlainSite site;
  CHECK(site.exchange("POST /l HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello").ends_with("POST /l hello"));
  CHECK(site.exchange("POST /c HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX-Late: 1\r\n\r\n")
            .ends_with("POST /c hello"));
  CHECK(site.seen.last.lock()->headers.count("x-late") == 0);
}

TEST_CASE("headers are lower case, and those that repeat are joined") {
  PlainSite site;
  site.exchange(get("/", "X-One: a\r\nx-one: b\r\n"));
  CHECK(site.seen.last.lock()->headers.at("x-one") == "a, b");
}

TEST_CASE("requests that two servers could read in two ways are refused") {
  PlainSite site;
  const std::vector<std::string> table = {
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5, 5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: +5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: -5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0x5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: \r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length : 5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: identity\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET http://t/ HTTP/1.1\r\nHost: t\r\n\r\n",
      "GET * HTTP/1.1\r\nHost: t\r\n\r\n",
      "GET /a b HTTP/1.1\r\nHost: t\r\n\r\n",
      std::string("GET /a\0b HTTP/1.1\r\nHost: t\r\n\r\n", 31),
      std::string("GET / HTTP/1.1\r\nHost: t\r\nX: a\0b\r\n\r\n", 36),
      "GET / HTTP/1.1\r\nHost: t\r\nX: a\rb\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: t\r\n: empty\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: t\r\nno colon\r\n\r\n",
      "GET / HTTP/1.1\nHost: t\n\n\r\n\r\n",
      "GET /\r\n\r\n",
      "\r\n\r\n",
      "hello\r\n\r\n",
  };
  for (const std::string& text : table) {
    CAPTURE(text);
    std::string answer = site.exchange(text);
    CHECK((status_in(answer) == 400 || status_in(answer) == 505));
    CHECK(answer.find("\nContent-Length") == answer.rfind("\nContent-Length"));  // nothing after it was read as a request
  }
  CHECK(site.exchange("GET / HTTP/2.0\r\nHost: t\r\n\r\n").starts_with("HTTP/1.1 505"));
  CHECK(site.exchange("GET / HTTP/1.2\r\nHost: t\r\n\r\n").starts_with("HTTP/1.1 505"));
  CHECK(site.seen.requests == 0);
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
  PlainSite site([&kept](const Request& request, Reply reply) {
    if (request.path != "/late") return reply({200, "text/plain", "next"});
    kept.lock()->emplace(std::move(reply));
  }, limits);
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

/// Takes every descriptor that the process may still have.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit few = before_;
    few.rlim_cur = 256;
    ::setrlimit(RLIMIT_NOFILE, &few);
    for (int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC); fd >= 0; fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) taken_.emplace_back(fd);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
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

TEST_CASE("an answer of many megabytes arrives whole") {
  std::string big(20 * MiB, 'a');
  for (std::size_t i = 0; i < big.size(); i += 4093) big[i] = static_cast<char>('a' + i % 26);
  TlsSite site([&big](const Request&, const Reply& reply) { reply({200, "application/octet-stream", big}); });
  Member node(site.fleet.node(), site.address());
  ClientRequest request;
  request.target = "/";
  request.body_limit = 32 * MiB;
  request.timeout = patience;
  auto response = node.client->send(request, {});
  REQUIRE_MESSAGE(response.ok(), response.error().message);
  CHECK((response->body == big));
}

}  // namespace
}  // namespace shoal::http::test
