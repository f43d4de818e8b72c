#include "http/connection.hpp"

#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

namespace shoal::http {
namespace {

// The header's limit plus one read of what follows it; bounds what a client can send ahead.
constexpr std::size_t buffer_limit = 128 * 1024;

// Of what is written at once.
constexpr std::size_t largest_portion = 64 * 1024;

// Of a file, before other connections of the thread have their turn.
constexpr ByteCount turn_of_a_file = 1024 * 1024;

ErrorStatus last_error() { return {errno, boost::system::system_category()}; }

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

net::awaitable<ErrorStatus> Connection::send_file(int fd, ByteCount offset, ByteCount length, std::chrono::milliseconds stall) {
  return tls_ ? send_file_encrypted(fd, offset, length, stall) : send_file_plainly(fd, offset, length, stall);
}

/// The kernel takes the bytes from the page cache.
net::awaitable<ErrorStatus> Connection::send_file_plainly(int fd, ByteCount offset, ByteCount length, std::chrono::milliseconds stall) {
  ErrorStatus error;
  tcp_.socket().native_non_blocking(true, error);
  auto from = static_cast<off_t>(offset);
  while (!error && length > 0) {
    const ssize_t sent = ::sendfile(tcp_.socket().native_handle(), fd, &from, std::min(length, turn_of_a_file));
    if (sent > 0) {
      length -= static_cast<ByteCount>(sent);
      co_await net::post(tcp_.get_executor(), net::use_awaitable);
    } else if (sent == 0) {
      error = net::error::eof;
    } else if (errno == EAGAIN) {
      error = co_await until_writable(stall);
    } else if (errno != EINTR) {
      error = last_error();
    }
  }
  co_return error;
}

net::awaitable<ErrorStatus> Connection::send_file_encrypted(int fd, ByteCount offset, ByteCount length, std::chrono::milliseconds stall) {
  std::string buffer(std::min<ByteCount>(length, largest_portion), '\0');
  ErrorStatus error;
  while (!error && length > 0) {
    const ssize_t got = ::pread(fd, buffer.data(), std::min<ByteCount>(buffer.size(), length), static_cast<off_t>(offset));
    if (got < 0) co_return last_error();
    if (got == 0) co_return net::error::eof;
    error = co_await write_all(std::string_view(buffer.data(), static_cast<std::size_t>(got)), stall);
    offset += static_cast<ByteCount>(got);
    length -= static_cast<ByteCount>(got);
  }
  co_return error;
}

/// tcp_stream's own deadlines do not cover a wait of its socket.
net::awaitable<ErrorStatus> Connection::until_writable(std::chrono::milliseconds stall) {
  ErrorStatus error;
  net::steady_timer limit(tcp_.get_executor(), stall);
  auto waiting = std::make_shared<bool>(true);
  limit.async_wait([this, waiting](ErrorStatus ended) {
    if (!ended && *waiting) close();  // while it waits, this connection lives
  });
  co_await tcp_.socket().async_wait(tcp::socket::wait_write, net::redirect_error(net::use_awaitable, error));
  *waiting = false;
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
