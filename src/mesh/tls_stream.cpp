#include "mesh/tls_stream.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>

namespace shoal::mesh {
namespace {

/// What OpenSSL reads at once: four full records. A link that holds part of a record keeps this much memory.
constexpr std::size_t wire_read_size = 72 * 1024;

/// A flag of a BIO that OpenSSL has no use for.
constexpr int more_follows = 0x10000;

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

// A way out to a socket whose writer can say that more follows at once. The socket's number is the BIO's data, `more` its app data.

int batch_write(BIO* bio, const char* from, int size) {
  const auto fd = static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
  const int more = BIO_test_flags(bio, more_follows) != 0 ? MSG_MORE : 0;
  const ssize_t sent = ::send(fd, from, static_cast<std::size_t>(size), MSG_NOSIGNAL | more);
  BIO_clear_retry_flags(bio);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

long batch_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

/// Lives as long as the process; nullptr where there is no memory.
const BIO_METHOD* batch_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "batch");
    if (made == nullptr || BIO_meth_set_write(made, batch_write) != 1 || BIO_meth_set_ctrl(made, batch_control) != 1) return made = nullptr;
    return made;
  }();
  return method;
}

}  // namespace

void TlsStream::Free::operator()(SSL* ssl) const { SSL_free(ssl); }

Result<TlsStream> TlsStream::over(const identity::TlsContext& context, int fd) {
  TlsStream stream(SSL_new(context.native()));
  if (!stream.ssl_ || SSL_set_fd(stream.ssl_.get(), fd) != 1) return fail("cannot start TLS: " + identity::tls_error());
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
  return {result == 1 ? Io::done : state_after(result), bytes};
}

Transfer TlsStream::write(const char* from, std::size_t size) {
  if (broken_) return {};
  ERR_clear_error();
  // What is left behind for a record that follows goes out with it; the last one takes all along.
  if (batch_ != nullptr) (size > record_size ? BIO_set_flags : BIO_clear_flags)(batch_, more_follows);
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

bool TlsStream::widen() {
  SSL_set_default_read_buffer_len(ssl_.get(), wire_read_size);
  const int fd = SSL_get_fd(ssl_.get());
  BIO* batch = batch_method() != nullptr ? BIO_new(batch_method()) : nullptr;
  if (batch == nullptr) return false;
  BIO_set_data(batch, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
  BIO_set_init(batch, 1);
  SSL_set0_wbio(ssl_.get(), batch);
  batch_ = batch;
  return true;
}

}  // namespace shoal::mesh
