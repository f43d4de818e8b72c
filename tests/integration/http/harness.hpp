// A server with TLS on loopback, and clients that keep no rules.
#pragma once

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "base/files.hpp"
#include "http/client.hpp"
#include "http/router.hpp"
#include "http/server.hpp"
#include "support/test_fleet.hpp"

namespace shoal::http::test {

using namespace shoal::test;
using namespace std::chrono_literals;

// OpenSSL writes to sockets with write(2).
inline const bool broken_pipes_are_errors = std::signal(SIGPIPE, SIG_IGN) != SIG_ERR;

// How long a test waits for what must happen; never how long it takes.
inline constexpr auto patience = 20s;

/// Waits until `condition` holds; false where it never did.
template <class Condition>
bool eventually(Condition condition) {
  auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, 1);
  }
  return true;
}

inline sockaddr_in loopback(std::uint16_t port, const char* address = "127.0.0.1") {
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_port = htons(port);
  must(::inet_pton(AF_INET, address, &made.sin_addr) == 1, "address");
  return made;
}

/// A blocking TCP socket whose reads and writes give up after `patience`.
class RawSocket {
 public:
  explicit RawSocket(int fd) : fd_(fd) { limit_waits(); }
  /// Connects to a port of 127.0.0.1 from an address of 127.0.0.0/8.
  explicit RawSocket(std::uint16_t port, const char* from = "127.0.0.1") : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    must(static_cast<bool>(fd_), "socket");
    limit_waits();
    sockaddr_in source = loopback(0, from), target = loopback(port);
    must(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&source), sizeof source) == 0, "bind");
    must(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&target), sizeof target) == 0, "connect");
  }

  int fd() const { return fd_.get(); }
  bool send(std::string_view text) {
    while (!text.empty()) {
      ssize_t sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// Some bytes; empty at the end, after a reset or when patience ended (then `gave_up`).
  std::string receive() {
    char buffer[4096];
    ssize_t got = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    gave_up_ = got < 0 && (errno == EAGAIN);
    return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string();
  }
  std::string receive_all() {
    std::string all;
    for (std::string some = receive(); !some.empty(); some = receive()) all += some;
    return all;
  }
  bool gave_up() const { return gave_up_; }

 private:
  void limit_waits() {
    timeval limit{patience.count(), 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  UniqueFd fd_;
  bool gave_up_ = false;
};

/// TLS on a RawSocket.
class RawTls {
 public:
  RawTls(std::uint16_t port, const identity::TlsContext& context, const char* from = "127.0.0.1")
      : socket_(port, from), ssl_(SSL_new(context.native())) {
    SSL_set_fd(ssl_.get(), socket_.fd());
    ERR_clear_error();
    connected_ = SSL_connect(ssl_.get()) == 1;
    if (!connected_) error_ = identity::tls_error();
  }

  bool connected() const { return connected_; }
  const std::string& error() const { return error_; }
  SSL* ssl() { return ssl_.get(); }
  RawSocket& socket() { return socket_; }
  bool send(std::string_view text) {
    while (connected_ && !text.empty()) {
      ERR_clear_error();
      int sent = SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return connected_;
  }
  std::string receive() {
    if (!connected_) return {};
    char buffer[4096];
    ERR_clear_error();
    int got = SSL_read(ssl_.get(), buffer, sizeof buffer);
    if (got > 0) return std::string(buffer, static_cast<std::size_t>(got));
    error_ = identity::tls_error();
    return {};
  }
  std::string receive_all() {
    std::string all;
    for (std::string some = receive(); !some.empty(); some = receive()) all += some;
    return all;
  }

 private:
  RawSocket socket_;
  std::unique_ptr<SSL, identity::Free<SSL_free>> ssl_;
  bool connected_ = false;
  std::string error_;
};

/// One answer with a Content-Length, read from a RawSocket or RawTls that stays open.
template <class Stream>
std::string receive_answer(Stream& stream) {
  std::string text;
  for (;;) {
    auto head = text.find("\r\n\r\n");
    auto field = text.find("Content-Length: ");
    if (head != std::string::npos && field < head && text.size() >= head + 4 + std::stoul(text.substr(field + 16))) return text;
    std::string some = stream.receive();
    if (some.empty()) return text;
    text += some;
  }
}

inline std::string get(const std::string& path, const std::string& more = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: t\r\n" + more + "\r\n";
}

inline int status_in(const std::string& answer) {
  return answer.starts_with("HTTP/1.") && answer.size() > 12 ? std::stoi(answer.substr(9, 3)) : 0;
}

/// What the tracker's listener has: enrolment without a certificate, everything else with one.
inline identity::ServerTls with_enrolment() { return {{std::string(identity::alpn_http)}, false, true}; }

/// What the handler of a test server saw and does.
struct Seen {
  std::atomic<int> requests{0};
  Guarded<Request> last;
};

/// Says back method, path and body.
inline Handler echo(Seen& seen) {
  return [&seen](const Request& request, const Reply& reply) {
    ++seen.requests;
    *seen.last.lock() = request;
    reply({200, "text/plain", request.method + " " + request.path + " " + request.body});
  };
}

/// A server of one fleet with TLS.
struct TlsSite {
  explicit TlsSite(Handler handler = {}, ServerLimits limits = {}, identity::ServerTls tls = with_enrolment())
      : source(store, std::move(tls)) {
    ServerOptions options{{"127.0.0.1", 0}, &source, std::move(limits), 2};
    server = must(Server::start(std::move(options), clock, handler ? std::move(handler) : echo(seen)));
  }

  HostPort address() const { return {"127.0.0.1", server->port()}; }
  RawTls raw(const identity::Credentials& credentials, const char* from = "127.0.0.1") const {
    return RawTls(server->port(), must(identity::client_context(credentials, identity::alpn_http)), from);
  }

  TestFleet fleet;
  SystemClock clock;
  Seen seen;
  identity::CredentialStore store{fleet.tracker()};
  identity::ServerTlsSource source;
  std::unique_ptr<Server> server;
};

/// A member of a fleet with the library's own client.
struct Member {
  Member(const identity::Credentials& credentials, HostPort tracker)
      : store(credentials),
        source(store, std::string(identity::alpn_http)),
        client(Client::to_tracker(std::move(tracker), source, clock)) {}
  Result<Response> get(std::string path, std::chrono::milliseconds timeout = patience) {
    ClientRequest request;
    request.target = std::move(path);
    request.timeout = timeout;
    return client->send(std::move(request), stop.get_token());
  }

  SystemClock clock;
  identity::CredentialStore store;
  identity::ClientTlsSource source;
  std::stop_source stop;
  std::unique_ptr<Client> client;
};

/// A plain server on loopback.
struct PlainSite {
  explicit PlainSite(Handler handler = {}, ServerLimits limits = {}) {
    ServerOptions options{{"127.0.0.1", 0}, nullptr, std::move(limits), 2};
    server = must(Server::start(std::move(options), clock, handler ? std::move(handler) : echo(seen)));
  }
  /// Sends the text on a connection of its own and gives all that comes back until the server closes.
  std::string exchange(std::string_view text) const {
    RawSocket socket(server->port());
    socket.send(text);
    ::shutdown(socket.fd(), SHUT_WR);
    return socket.receive_all();
  }

  SystemClock clock;
  Seen seen;
  std::unique_ptr<Server> server;
};

}  // namespace shoal::http::test
