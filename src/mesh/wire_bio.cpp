#include "mesh/wire_bio.hpp"

#include <openssl/bio.h>
#include <sys/socket.h>

#include <cerrno>
#include <new>

namespace shoal::mesh {
namespace {

WireBio& data_of(BIO* bio) { return *static_cast<WireBio*>(BIO_get_data(bio)); }

bool is_for_later(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

int wire_write(BIO* bio, const char* from, int size) {
  const WireBio& wire = data_of(bio);
  const ssize_t sent = ::send(wire.fd, from, static_cast<std::size_t>(size), MSG_NOSIGNAL | (wire.more_follows ? MSG_MORE : 0));
  BIO_clear_retry_flags(bio);
  if (sent < 0 && is_for_later(errno)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int wire_read(BIO* bio, char* into, int size) {
  WireBio& wire = data_of(bio);
  const ssize_t got = ::recv(wire.fd, into, static_cast<std::size_t>(size), 0);
  BIO_clear_retry_flags(bio);
  if (got > 0) wire.arriving.passed(into, static_cast<std::size_t>(got));
  if (got < 0 && is_for_later(errno)) BIO_set_retry_read(bio);
  return static_cast<int>(got);
}

long wire_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

int wire_destroy(BIO* bio) {
  delete static_cast<WireBio*>(BIO_get_data(bio));
  BIO_set_data(bio, nullptr);
  return 1;
}

/// Lives as long as the process; nullptr where there is no memory.
const BIO_METHOD* wire_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
    const bool whole = made != nullptr && BIO_meth_set_write(made, wire_write) == 1 && BIO_meth_set_read(made, wire_read) == 1 &&
                       BIO_meth_set_ctrl(made, wire_control) == 1 && BIO_meth_set_destroy(made, wire_destroy) == 1;
    return whole ? made : nullptr;
  }();
  return method;
}

}  // namespace

BIO* make_wire_bio(int fd, WireBio** data) {
  BIO* bio = wire_method() != nullptr ? BIO_new(wire_method()) : nullptr;
  if (bio == nullptr) return nullptr;
  *data = new WireBio{fd, false, {}};
  BIO_set_data(bio, *data);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace shoal::mesh
