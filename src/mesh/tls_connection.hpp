// A TLS connection while the control thread has it: before it is a link.
#pragma once

#include <optional>

#include "base/asio.hpp"
#include "base/files.hpp"
#include "mesh/tls_stream.hpp"

namespace shoal::mesh {

/// Control thread. Shared by the coroutine that drives it and by whoever may end it; after `close` every wait comes back false.
struct TlsConnection {
  explicit TlsConnection(tcp::socket s) : socket(std::move(s)) {}
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;
  ~TlsConnection() { close(); }

  tcp::socket socket;
  std::optional<TlsStream> tls;

  bool open() const { return socket.is_open(); }
  /// Says goodbye as far as that goes without waiting; an alert that OpenSSL wrote still reaches the other side.
  void close();
  /// Out of Asio's hands: for the pump.
  UniqueFd release();
};

using TlsConnectionPtr = std::shared_ptr<TlsConnection>;

/// Waits for what OpenSSL wants; false when it wants nothing any more or the connection was closed meanwhile.
net::awaitable<bool> ready(TlsConnectionPtr connection, Io want);
/// At least one byte, at most `size`; `done`, `closed` or `failed`.
net::awaitable<Transfer> read_some(TlsConnectionPtr connection, char* into, std::size_t size);

}  // namespace shoal::mesh
