// One TLS connection over a non-blocking socket: OpenSSL's calls, with what they wait for as a value.
#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "identity/tls.hpp"

namespace shoal::mesh {

struct WireBio;

enum class Io {
  done,
  want_read,   // call again when the socket is readable
  want_write,  // ... writable, with the same bytes (they may lie elsewhere, and more may follow them)
  closed,      // the other side ended its stream
  failed,      // no further call is allowed
};

struct Transfer {
  Io state = Io::failed;
  std::size_t bytes = 0;  // with `done`
};

/// Does not own the socket. One thread at a time.
class TlsStream {
 public:
  static Result<TlsStream> accepting(const identity::TlsContext& context, int fd);
  static Result<TlsStream> connecting(const identity::TlsContext& context, int fd);

  Io handshake();
  Transfer read(char* into, std::size_t size);
  Transfer write(const char* from, std::size_t size);
  /// Sends close_notify; reading goes on. Safe at any time, a no-op where OpenSSL allows no call any more.
  Io end_writing();

  /// While accepting: the client has sent a whole ClientHello.
  bool hello_seen() const;
  /// The handshake failed because of the certificate that the other side showed or did not show.
  bool certificate_refused() const;
  const SSL* native() const { return ssl_.get(); }
  /// For bulk data, once the handshake is over: one read(2) fetches several records, and records that are written one after the other
  /// leave together (MSG_MORE).
  void widen();
  /// After `read` said want_read: with fewer further bytes on the socket, it will say so again.
  std::size_t missing() const;
  /// Once the handshake is over: a peer that goes on sending handshake messages (RFC 8446, 4.6: key updates) beyond one per MiB and a few
  /// more breaks the stream. OpenSSL works through any number of them inside one read.
  void limit_handshake_messages();
  /// The most that one call of `write` takes (RFC 8446, 5.1).
  static constexpr std::size_t record_size = 16 * 1024;

 private:
  struct Free {
    void operator()(SSL* ssl) const;
  };
  explicit TlsStream(SSL* ssl) : ssl_(ssl) {}
  static Result<TlsStream> over(const identity::TlsContext& context, int fd);
  static void on_message(int write, int version, int type, const void* bytes, std::size_t size, SSL* ssl, void* messages);
  Io state_after(int result);
  Transfer flooded();

  /// Of the peer, after the handshake. OpenSSL holds its address.
  struct LateMessages {
    int socket = -1;
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;  // that were read meanwhile
    bool too_many() const;
  };

  std::unique_ptr<LateMessages> late_;  // outlives ssl_
  std::unique_ptr<SSL, Free> ssl_;
  WireBio* wire_ = nullptr;  // of ssl_
  bool wide_ = false;
  bool broken_ = false;
  bool certificate_refused_ = false;
};

}  // namespace shoal::mesh
