#include "mesh/tls_stream.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "base/log.hpp"
#include "mesh/wire_bio.hpp"

namespace shoal::mesh {
namespace {

/// What OpenSSL reads at once: four full records. A link that holds part of a record keeps this much memory.
constexpr std::size_t wire_read_size = 72 * 1024;

/// Handshake messages that a peer may send after the handshake, plus one for each so many bytes.
constexpr std::uint64_t late_messages = 32, bytes_per_late_message = 1024 * 1024;

/// Empties the queue of errors. The one that says why is not always the first.
bool queue_blames_certificate() {
  bool found = false;
  while (unsigned long error = ERR_get_error()) {
    int reason = ERR_GET_REASON(error);
    found = found || (ERR_GET_LIB(error) == ERR_LIB_SSL &&
                      (reason == SSL_R_CERTIFICATE_VERIFY_FAILED || reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE));
  }
  return found;
}

}  // namespace

void TlsStream::Free::operator()(SSL* ssl) const { SSL_free(ssl); }

Result<TlsStream> TlsStream::over(const identity::TlsContext& context, int fd) {
  TlsStream stream(SSL_new(context.native()));
  BIO* bio = stream.ssl_ ? make_wire_bio(fd, &stream.wire_) : nullptr;
  if (bio == nullptr) return fail("cannot start TLS: " + identity::tls_error());
  SSL_set_bio(stream.ssl_.get(), bio, bio);
  SSL_set_read_ahead(stream.ssl_.get(), 1);
  return stream;
}

Result<TlsStream> TlsStream::accepting(const identity::TlsContext& context, int fd) {
  SHOAL_TRY(TlsStream stream, over(context, fd));
  SSL_set_accept_state(stream.ssl_.get());
  return stream;
}

Result<TlsStream> TlsStream::connecting(const identity::TlsContext& context, int fd) {
  SHOAL_TRY(TlsStream stream, over(context, fd));
  SSL_set_connect_state(stream.ssl_.get());
  return stream;
}

Io TlsStream::handshake() {
  ERR_clear_error();
  return state_after(SSL_do_handshake(ssl_.get()));
}

Transfer TlsStream::read(char* into, std::size_t size) {
  if (broken_) return {};
  ERR_clear_error();
  std::size_t bytes = 0;
  int result = SSL_read_ex(ssl_.get(), into, size, &bytes);
  if (late_) {
    late_->bytes += bytes;
    if (late_->too_many()) return flooded();
  }
  return {result == 1 ? Io::done : state_after(result), bytes};
}

Transfer TlsStream::flooded() {
  log::debug("tls_flood", {{"messages", late_->count}});
  broken_ = true;
  return {};
}

Transfer TlsStream::write(const char* from, std::size_t size) {
  if (broken_) return {};
  ERR_clear_error();
  // What is left behind for a record that follows goes out with it; the last one takes all along.
  wire_->more_follows = wide_ && size > record_size;
  std::size_t bytes = 0;
  int result = SSL_write_ex(ssl_.get(), from, size, &bytes);
  return {result == 1 ? Io::done : state_after(result), bytes};
}

Io TlsStream::end_writing() {
  if (broken_ || !SSL_is_init_finished(ssl_.get())) return Io::done;
  ERR_clear_error();
  int result = SSL_shutdown(ssl_.get());
  return result >= 0 ? Io::done : state_after(result);
}

Io TlsStream::state_after(int result) {
  if (result == 1) return Io::done;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return Io::want_read;
    case SSL_ERROR_WANT_WRITE: return Io::want_write;
    case SSL_ERROR_ZERO_RETURN: return Io::closed;
    default: break;
  }
  broken_ = true;
  certificate_refused_ = queue_blames_certificate();
  return Io::failed;
}

bool TlsStream::hello_seen() const {
  OSSL_HANDSHAKE_STATE state = SSL_get_state(ssl_.get());
  return state != TLS_ST_BEFORE && state != TLS_ST_SR_CLNT_HELLO;
}

bool TlsStream::certificate_refused() const { return certificate_refused_; }

bool TlsStream::LateMessages::too_many() const { return count > late_messages + bytes / bytes_per_late_message; }

void TlsStream::limit_handshake_messages() {
  late_ = std::make_unique<LateMessages>();
  late_->socket = wire_->fd;
  SSL_set_msg_callback(ssl_.get(), on_message);
  SSL_set_msg_callback_arg(ssl_.get(), late_.get());
}

/// Inside SSL_read, which goes on to the next message by itself: only the end of the socket stops it.
void TlsStream::on_message(int write, int, int type, const void*, std::size_t, SSL*, void* messages) {
  if (write != 0 || type != SSL3_RT_HANDSHAKE) return;
  auto& late = *static_cast<LateMessages*>(messages);
  ++late.count;
  if (late.too_many()) ::shutdown(late.socket, SHUT_RDWR);
}

void TlsStream::widen() {
  SSL_set_default_read_buffer_len(ssl_.get(), wire_read_size);
  wide_ = true;
}

std::size_t TlsStream::missing() const { return wire_->arriving.missing(); }

}  // namespace shoal::mesh
