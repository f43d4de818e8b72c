// One TCP connection, plain or TLS, with Beast's messages on it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "base/units.hpp"
#include "http/beast.hpp"
#include "identity/tls.hpp"

namespace shoal::http {

/// Lives on its io_context's thread. The caller sets a deadline with `expires_*` before it waits; past it the socket is closed
/// and the call ends with beast::error::timeout. One call at a time; `close` ends it.
class Connection {
 public:
  /// Not connected yet.
  Connection(net::io_context& io, const identity::TlsContext& tls);
  /// An accepted socket; plain where `tls` is null.
  Connection(tcp::socket socket, const identity::TlsContext* tls);
  Connection(const Connection&) = delete;  // nor moved: the TLS stream points at the TCP stream
  Connection& operator=(const Connection&) = delete;

  bool is_tls() const { return tls_ != nullptr; }
  SSL* ssl() { return tls_->native_handle(); }
  tcp::socket& socket() { return tcp_.socket(); }

  void expires_after(std::chrono::milliseconds time) { tcp_.expires_after(time); }
  void expires_at(std::chrono::steady_clock::time_point time) { tcp_.expires_at(time); }
  void close();

  net::awaitable<ErrorStatus> connect(tcp::endpoint to);
  net::awaitable<ErrorStatus> handshake(net::ssl::stream_base::handshake_type side);
  /// Some bytes into the buffer.
  net::awaitable<ErrorStatus> read_some();
  net::awaitable<ErrorStatus> write_text(std::string text);
  /// All of it, which must outlive the call; `stall` is the longest without a byte taken.
  net::awaitable<ErrorStatus> write_all(std::string_view bytes, std::chrono::milliseconds stall);
  /// `length` bytes of a file from `offset`; `stall` as above. A file that ends early is an error.
  net::awaitable<ErrorStatus> send_file(int fd, ByteCount offset, ByteCount length, std::chrono::milliseconds stall);
  /// Ends the connection so that what was written arrives: TLS's close_notify, TCP's FIN, and then the peer's bytes are
  /// discarded for a moment, because a close with unread bytes is a reset that can overtake the last answer.
  net::awaitable<void> finish();
  /// The same without close_notify: after a handshake that failed.
  net::awaitable<void> linger();

  /// Calls `left` when the peer ends the connection before it has sent anything more. For the time when nothing is read.
  void watch_peer(std::function<void()> left);
  void stop_watching();

  template <class Parser>
  net::awaitable<ErrorStatus> read_header(Parser& parser) {
    ErrorStatus error;
    if (tls_) {
      co_await wire::async_read_header(*tls_, buffer_, parser, net::redirect_error(net::use_awaitable, error));
    } else {
      co_await wire::async_read_header(tcp_, buffer_, parser, net::redirect_error(net::use_awaitable, error));
    }
    co_return error;
  }
  template <class Parser>
  net::awaitable<ErrorStatus> read_rest(Parser& parser) {
    ErrorStatus error;
    if (tls_) {
      co_await wire::async_read(*tls_, buffer_, parser, net::redirect_error(net::use_awaitable, error));
    } else {
      co_await wire::async_read(tcp_, buffer_, parser, net::redirect_error(net::use_awaitable, error));
    }
    co_return error;
  }
  template <class Message>
  net::awaitable<ErrorStatus> write(Message& message) {
    ErrorStatus error;
    if (tls_) {
      co_await wire::async_write(*tls_, message, net::redirect_error(net::use_awaitable, error));
    } else {
      co_await wire::async_write(tcp_, message, net::redirect_error(net::use_awaitable, error));
    }
    co_return error;
  }

  /// Some bytes of a message.
  template <class Serializer>
  net::awaitable<ErrorStatus> write_portion(Serializer& serializer) {
    ErrorStatus error;
    if (tls_) {
      co_await wire::async_write_some(*tls_, serializer, net::redirect_error(net::use_awaitable, error));
    } else {
      co_await wire::async_write_some(tcp_, serializer, net::redirect_error(net::use_awaitable, error));
    }
    co_return error;
  }

  /// Bytes that were read and not used yet: the next request of a client that does not wait for answers.
  std::size_t buffered() const { return buffer_.size(); }

 private:
  using TlsStream = net::ssl::stream<beast::tcp_stream&>;

  net::awaitable<ErrorStatus> send_file_plainly(int fd, ByteCount offset, ByteCount length, std::chrono::milliseconds stall);
  net::awaitable<ErrorStatus> send_file_encrypted(int fd, ByteCount offset, ByteCount length, std::chrono::milliseconds stall);
  net::awaitable<ErrorStatus> until_writable(std::chrono::milliseconds stall);

  beast::tcp_stream tcp_;
  std::unique_ptr<TlsStream> tls_;
  beast::flat_buffer buffer_;
  std::shared_ptr<std::function<void()>> watch_;
};

}  // namespace shoal::http
