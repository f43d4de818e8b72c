#include "http/connection.hpp"

#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace shoal::http {
namespace {

// The header's limit plus one read of what follows it; bounds what a client can send ahead.
constexpr std::size_t buffer_limit = 128 * 1024;

// Of what is written at once.
constexpr std::size_t largest_portion = 64 * 1024;

// The end of a connection: how long and how much is waited for.
constexpr std::chrono::milliseconds goodbye_time{1000};
constexpr std::size_t goodbye_bytes = 4 * 1024 * 1024;

template <class Stream>
std::unique_ptr<Stream> make_tls(beast::tcp_stream& tcp, const identity::TlsContext& tls) {
  SSL_CTX_up_ref(tls.native());
  net::ssl::context shared(tls.native());  // gives the reference back; the stream's SSL has one of its own
  return std::make_unique<Stream>(tcp, shared);
}

/// A FIN or a reset has come, even where unread bytes lie before it.
bool peer_has_ended(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return ::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state != TCP_ESTABLISHED;
}

}  // namespace

Connection::Connection(net::io_context& io, const identity::TlsContext& tls)
    : tcp_(io), tls_(make_tls<TlsStream>(tcp_, tls)), buffer_(buffer_limit) {}

Connection::Connection(tcp::socket socket, const identity::TlsContext* tls)
    : tcp_(std::move(socket)), tls_(tls != nullptr ? make_tls<TlsStream>(tcp_, *tls) : nullptr), buffer_(buffer_limit) {}

void Connection::close() { tcp_.close(); }

net::awaitable<ErrorStatus> Connection::connect(tcp::endpoint to) {
  ErrorStatus error;
  co_await tcp_.async_connect(to, net::redirect_error(net::use_awaitable, error));
  ErrorStatus ignored;
  if (!error) tcp_.socket().set_option(tcp::no_delay(true), ignored);
  co_return error;
}

net::awaitable<ErrorStatus> Connection::handshake(net::ssl::stream_base::handshake_type side) {
  ErrorStatus error;
  co_await tls_->async_handshake(side, net::redirect_error(net::use_awaitable, error));
  co_return error;
}

net::awaitable<ErrorStatus> Connection::read_some() {
  constexpr std::size_t wanted = 4096;
  ErrorStatus error;
  std::size_t got = 0;
  auto space = buffer_.prepare(wanted);
  if (tls_) {
    got = co_await tls_->async_read_some(space, net::redirect_error(net::use_awaitable, error));
  } else {
    got = co_await tcp_.async_read_some(space, net::redirect_error(net::use_awaitable, error));
  }
  buffer_.commit(got);
  co_return error;
}

net::awaitable<ErrorStatus> Connection::write_text(std::string text) {
  ErrorStatus error;
  auto bytes = net::buffer(text);
  if (tls_) {
    co_await net::async_write(*tls_, bytes, net::redirect_error(net::use_awaitable, error));
  } else {
    co_await net::async_write(tcp_, bytes, net::redirect_error(net::use_awaitable, error));
  }
  co_return error;
}

net::awaitable<ErrorStatus> Connection::write_all(std::string_view bytes, std::chrono::milliseconds stall) {
  ErrorStatus error;
  while (!error && !bytes.empty()) {
    expires_after(stall);
    auto portion = net::buffer(bytes.data(), std::min(bytes.size(), largest_portion));
    std::size_t sent = 0;
    if (tls_) {
      sent = co_await tls_->async_write_some(portion, net::redirect_error(net::use_awaitable, error));
    } else {
      sent = co_await tcp_.async_write_some(portion, net::redirect_error(net::use_awaitable, error));
    }
    bytes.remove_prefix(sent);
  }
  co_return error;
}

void Connection::watch_peer(std::function<void()> left) {
  watch_ = std::make_shared<std::function<void()>>(std::move(left));
  tcp_.socket().async_wait(tcp::socket::wait_read, [this, watch = std::weak_ptr(watch_)](ErrorStatus error) {
    auto live = watch.lock();  // while it lives, so does this connection
    if (live && !error && peer_has_ended(tcp_.socket().native_handle())) (*live)();
  });
}

void Connection::stop_watching() {
  watch_.reset();
  ErrorStatus ignored;
  tcp_.socket().cancel(ignored);
}

net::awaitable<void> Connection::finish() {
  if (tls_) {
    ErrorStatus ignored;
    expires_after(goodbye_time);
    co_await tls_->async_shutdown(net::redirect_error(net::use_awaitable, ignored));
  }
  co_await linger();
}

net::awaitable<void> Connection::linger() {
  ErrorStatus error;
  tcp_.socket().shutdown(tcp::socket::shutdown_send, error);
  expires_after(goodbye_time);
  std::array<char, 8192> discarded;
  for (std::size_t total = 0; !error && total < goodbye_bytes;) {
    auto space = net::buffer(discarded);
    total += co_await tcp_.async_read_some(space, net::redirect_error(net::use_awaitable, error));
  }
  close();
}

}  // namespace shoal::http
