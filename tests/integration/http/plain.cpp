// The client for servers on this machine, against good ones and bad ones.
#include "doctest/doctest.h"
#include "harness.hpp"
#include "http/plain_client.hpp"

namespace shoal::http::test {
namespace {

/// A server that does what a test says with each connection, one after the other.
class RawServer {
 public:
  using Script = std::function<void(RawSocket& socket)>;

  explicit RawServer(Script script) : script_(std::move(script)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in any = loopback(0);
    socklen_t size = sizeof any;
    must(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&any), size) == 0 && ::listen(listener_.get(), 16) == 0 &&
             ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&any), &size) == 0,
         "listener");
    address = {"127.0.0.1", ntohs(any.sin_port)};
    thread_ = std::jthread([this] { serve(); });
  }
  ~RawServer() { ::shutdown(listener_.get(), SHUT_RDWR); }

  HostPort address;

 private:
  void serve() {
    for (int fd = ::accept(listener_.get(), nullptr, nullptr); fd >= 0; fd = ::accept(listener_.get(), nullptr, nullptr)) {
      RawSocket socket(fd);
      script_(socket);
    }
  }
  Script script_;
  UniqueFd listener_;
  std::jthread thread_;
};

void read_head(RawSocket& socket) {
  std::string text;
  for (std::string some = "?"; !some.empty() && text.find("\r\n\r\n") == std::string::npos; text += some) some = socket.receive();
}

ClientRequest asking(std::string target, std::chrono::milliseconds timeout = patience) {
  ClientRequest request;
  request.target = std::move(target);
  request.timeout = timeout;
  return request;
}

TEST_CASE("a request to a plain server arrives whole and its answer comes back") {
  ClientRequest request = asking("/a/b?c=d");
  request.method = "POST";
  request.body = std::string(300'000, 'x');
  Seen seen;
  ServerLimits limits;
  limits.body = [](const std::string&, const std::string&, const identity::Certificate*) -> ByteCount { return MiB; };
  PlainSite site(echo(seen), std::move(limits));
  auto answer = must(send_plain({"127.0.0.1", site.server->port()}, request, {}));
  CHECK(answer.status == 200);
  CHECK(answer.content_type == "text/plain");
  CHECK(answer.body == "POST /a/b " + request.body);
  CHECK(seen.last.lock()->query == "c=d");
}

TEST_CASE("localhost is found whichever address the server has") {
  PlainSite site;
  CHECK(must(send_plain({"localhost", site.server->port()}, asking("/"), {})).status == 200);
}

TEST_CASE("a server that does not answer ends the call at its deadline") {
  std::promise<void> over;
  RawServer silent([&](RawSocket& socket) {
    read_head(socket);
    over.get_future().wait();
  });
  auto answer = send_plain(silent.address, asking("/slow", 200ms), {});
  over.set_value();
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().message.find("/slow did not answer within 0.2s") != std::string::npos);
}

TEST_CASE("a server that sends a byte now and then does not stretch the deadline") {
  std::atomic<bool> over{false};
  RawServer dripping([&](RawSocket& socket) {
    read_head(socket);
    socket.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (!over && socket.send("x")) ::poll(nullptr, 0, 10);
  });
  auto answer = send_plain(dripping.address, asking("/", 300ms), {});
  over = true;
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().message.find("did not answer within") != std::string::npos);
}

TEST_CASE("a stop ends a call that waits") {
  std::stop_source stop;
  RawServer silent([&](RawSocket& socket) {
    read_head(socket);
    stop.request_stop();
    socket.receive();
  });
  auto answer = send_plain(silent.address, asking("/"), stop.get_token());
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().code == ErrorCode::interrupted);
  CHECK(send_plain(silent.address, asking("/"), stop.get_token()).error().code == ErrorCode::interrupted);
}

TEST_CASE("answers that are too long, cut off or no HTTP are failures that name the server") {
  const std::pair<std::string, std::string> cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n", "more than"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "closed the connection"},
      {"", "closed the connection"},
      {"SSH-2.0-OpenSSH\r\n", "bad version"},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'y') + "\r\n\r\n", "header limit"},
  };
  for (const auto& [reply, expected] : cases) {
    CAPTURE(expected);
    RawServer bad([&reply = reply](RawSocket& socket) {
      read_head(socket);
      socket.send(reply);
      ::shutdown(socket.fd(), SHUT_WR);
      socket.receive_all();
    });
    auto answer = send_plain(bad.address, asking("/"), {});
    REQUIRE_FALSE(answer.ok());
    CHECK(answer.error().message.find(bad.address.str()) != std::string::npos);
    CHECK(answer.error().message.find(expected) != std::string::npos);
  }
}

TEST_CASE("a port without a server, and a server that is not on this machine, are refused") {
  std::uint16_t port = 0;
  {
    PlainSite gone;
    port = gone.server->port();
  }
  CHECK(send_plain({"127.0.0.1", port}, asking("/"), {}).error().message.find("refused") != std::string::npos);
  CHECK(send_plain({"192.0.2.1", 80}, asking("/"), {}).error().code == ErrorCode::usage);
}

TEST_CASE("URLs of this machine are taken apart") {
  auto url = must(parse_plain_url("http://127.0.0.1:9000/switched?now=1"));
  CHECK(url.server.str() == "127.0.0.1:9000");
  CHECK(url.target == "/switched?now=1");
  CHECK(must(parse_plain_url("http://127.8.9.1")).server.port == 80);
  CHECK(must(parse_plain_url("http://[::1]:8000")).server.host == "::1");
  CHECK(must(parse_plain_url("http://[::1]/x")).server.port == 80);
  CHECK(must(parse_plain_url("http://localhost:8000?q")).target == "/?q");
}

TEST_CASE("URLs of other machines, of other schemes and with ambiguities are refused") {
  for (const char* text : {"https://127.0.0.1:9000/", "ftp://127.0.0.1/", "127.0.0.1:9000", "http://", "http://:80", "http://192.0.2.1:80/",
                           "http://example.org/", "http://127.0.0.1@192.0.2.1/", "http://127.0.0.1:0/", "http://127.0.0.1:99999/",
                           "http://127.0.0.1:80/a b", "http://127.0.0.1:80/#x", "http://127.1/", "http://localhost.example.org/",
                           "http://::1:80/", "http://127.0.0.1:80\r\nX: y/", "http://0.0.0.0:80/"}) {
    CAPTURE(text);
    auto url = parse_plain_url(text);
    REQUIRE_FALSE(url.ok());
    CHECK(url.error().code == ErrorCode::usage);
    CHECK(url.error().message.find("http://127.0.0.1:8000") != std::string::npos);
  }
}

}  // namespace
}  // namespace shoal::http::test
