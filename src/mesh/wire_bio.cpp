#include "mesh/wire_bio.hpp"

#include <openssl/bio.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <string_view>

namespace shoal::mesh {
namespace {

/// Four full records. What a link keeps of them while the wire takes nothing.
constexpr std::size_t most_gathered = 66 * 1024;

WireBio& data_of(BIO* bio) { return *static_cast<WireBio*>(BIO_get_data(bio)); }

bool is_for_later(int error) { return error == EAGAIN || error == EINTR; }

int later(BIO* bio) {
  BIO_set_retry_write(bio);
  return -1;
}

/// A record that others follow waits for them, so that the kernel is called once for several.
int wire_write(BIO* bio, const char* from, int size) {
  WireBio& wire = data_of(bio);
  const std::string_view record(from, static_cast<std::size_t>(size));
  BIO_clear_retry_flags(bio);
  if (wire.more_follows && wire.gathered.size() + record.size() <= most_gathered) {
    wire.gathered += record;
    return size;
  }
  std::array<iovec, 2> parts{iovec{wire.gathered.data(), wire.gathered.size()}, iovec{const_cast<char*>(from), record.size()}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const ssize_t sent = ::sendmsg(wire.fd, &message, MSG_NOSIGNAL | (wire.more_follows ? MSG_MORE : 0));
  if (sent < 0) return is_for_later(errno) ? later(bio) : -1;
  const std::size_t of_gathered = std::min(static_cast<std::size_t>(sent), wire.gathered.size());
  const auto of_record = static_cast<int>(static_cast<std::size_t>(sent) - of_gathered);
  if (of_gathered == wire.gathered.size()) std::string().swap(wire.gathered);  // gives the memory back
  else wire.gathered.erase(0, of_gathered);
  return of_record > 0 ? of_record : later(bio);
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
  *data = new WireBio{fd, false, {}, {}};
  BIO_set_data(bio, *data);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace shoal::mesh
