#include "mesh_lab.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <thread>

#include "crypto/digest.hpp"
#include "doctest/doctest.h"

namespace shoal::mesh::lab {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void limit_waits(int fd) {
  timeval limit{patience.count(), 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

std::string socks_request(VirtualEndpoint endpoint) {
  std::string bytes = {5, 1, 0, 1};
  for (int shift : {24, 16, 8, 0}) bytes += static_cast<char>(endpoint.address >> shift);
  bytes += static_cast<char>(endpoint.port >> 8);
  bytes += static_cast<char>(endpoint.port);
  return bytes;
}

}  // namespace

bool eventually(const std::function<bool()>& condition) {
  auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

InfoHash content(unsigned number) {
  InfoHash hash;
  hash.bytes.fill(static_cast<std::uint8_t>(number));
  return hash;
}

std::string bt_handshake(const InfoHash& info_hash, char mark) {
  return std::string(
             "\x13"
             "BitTorrent protocol") +
         std::string(8, '\0') + info_hash.raw() + std::string(20, mark);
}

std::string pattern(unsigned seed, std::size_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    std::uint64_t word = ((offset + i) / 8 + 1) * 0x9e3779b97f4a7c15ULL + seed;
    bytes[i] = static_cast<char>((word ^ word >> 31) >> ((offset + i) % 8 * 8));
  }
  return bytes;
}

// ---- plain sockets ----

Wire::Wire(UniqueFd fd) : fd_(std::move(fd)) {
  if (fd_) limit_waits(fd_.get());
}

Wire Wire::connect(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(port);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return {};
  return Wire(std::move(fd));
}

bool Wire::send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string Wire::receive(std::size_t size) {
  std::string bytes(size, '\0');
  ssize_t got = size == 0 ? 0 : ::recv(fd_.get(), bytes.data(), size, MSG_WAITALL);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

bool Wire::ends() {
  char bytes[4096];
  for (;;) {
    ssize_t got = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    if (got == 0) return true;
    if (got < 0) return errno != EAGAIN;
  }
}

bool Wire::has_news() const {
  pollfd state{fd_.get(), POLLIN, 0};
  return ::poll(&state, 1, 0) > 0;
}

void Wire::finish_writing() { ::shutdown(fd_.get(), SHUT_WR); }

Door::Door() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  limit_waits(fd_.get());
  test::must(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(fd_.get(), 16) == 0, "door");
  test::must(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0, "door");
  port_ = ntohs(address.sin_port);
}

Wire Door::accept() { return Wire(UniqueFd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC))); }

// ---- TLS by hand ----

TlsWire::TlsWire(const identity::TlsContext& context, Wire wire, bool accepting) : wire_(std::move(wire)), ssl_(SSL_new(context.native())) {
  ::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  SSL_set_mode(ssl_.get(), SSL_MODE_AUTO_RETRY);
  SSL_set_fd(ssl_.get(), wire_.fd());
  accepting ? SSL_set_accept_state(ssl_.get()) : SSL_set_connect_state(ssl_.get());
}

TlsWire TlsWire::client(const identity::TlsContext& context, std::uint16_t port) { return {context, Wire::connect(port), false}; }

TlsWire TlsWire::server(const identity::TlsContext& context, Wire wire) { return {context, std::move(wire), true}; }

bool TlsWire::check(int result) {
  if (result <= 0) error_ = identity::tls_error();
  return result > 0;
}

bool TlsWire::shake_hands() {
  ERR_clear_error();
  return check(SSL_do_handshake(ssl_.get()));
}

bool TlsWire::send(std::string_view bytes) {
  ERR_clear_error();
  while (!bytes.empty()) {
    int sent = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (!check(sent)) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string TlsWire::receive(std::size_t size) {
  ERR_clear_error();
  std::string bytes(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    int count = SSL_read(ssl_.get(), bytes.data() + got, static_cast<int>(size - got));
    if (!check(count)) break;
    got += static_cast<std::size_t>(count);
  }
  bytes.resize(got);
  return bytes;
}

bool TlsWire::ends() {
  char bytes[4096];
  int got;
  do {
    ERR_clear_error();
    got = SSL_read(ssl_.get(), bytes, sizeof bytes);
  } while (got > 0);
  int reason = SSL_get_error(ssl_.get(), got);
  check(got);
  return reason == SSL_ERROR_ZERO_RETURN || reason == SSL_ERROR_SSL || (reason == SSL_ERROR_SYSCALL && errno != EAGAIN);
}

// ---- machines ----

MeshOptions Machine::quick(std::chrono::milliseconds handshake) {
  MeshOptions options;
  options.listen = {"127.0.0.1", 0};
  options.handshake = handshake;
  return options;
}

Machine::Machine(const test::TestFleet& fleet, unsigned number, MeshOptions options, identity::Role role)
    : id_(test::node_id(number)), store_(fleet.credentials(role, id_)), clock_(SystemClock().now()) {
  mesh_ = test::must(Mesh::start(std::move(options), store_, policy_, clock_));
}

void Machine::serve(const InfoHash& info_hash) {
  mesh_->serve(info_hash,
               [accepted = accepted_](const NodeId&, const InfoHash&, VirtualEndpoint endpoint) { accepted->lock()->push_back(endpoint); });
}

Answer Machine::dial(VirtualEndpoint endpoint) { return dial(endpoint, mesh_->front().user, mesh_->front().password); }

Answer Machine::dial(VirtualEndpoint endpoint, const std::string& user, const std::string& password) {
  Answer answer{Wire::connect(mesh_->front().port), -1};
  Wire& wire = answer.wire;
  wire.send({"\5\1\2", 3});
  if (wire.receive(2) != std::string("\5\2", 2)) return answer;
  wire.send(std::string(1, '\1') + static_cast<char>(user.size()) + user + static_cast<char>(password.size()) + password);
  if (wire.receive(2) != std::string("\1\0", 2)) return answer;
  wire.send(socks_request(endpoint));
  std::string reply = wire.receive(10);
  if (reply.size() == 10) answer.code = static_cast<unsigned char>(reply[1]);
  return answer;
}

std::optional<VirtualEndpoint> Machine::next_accepted() {
  std::optional<VirtualEndpoint> next;
  eventually([&] {
    auto accepted = accepted_->lock();
    if (accepted->empty()) return false;
    next = accepted->front();
    accepted->clear();  // reminders say the same
    return true;
  });
  return next;
}

std::optional<VirtualEndpoint> Machine::next_accepted(const InfoHash& info_hash) {
  for (;;) {
    auto next = next_accepted();
    if (!next || mesh_->whom(*next)->info_hash == info_hash) return next;
  }
}

std::uint32_t Machine::open_links(const NodeId& peer) const {
  std::uint32_t open = 0;
  for (const LinkCounters& link : mesh_->links())
    if (link.peer == peer) open += link.links;
  return open;
}

Pair link(Machine& from, Machine& to, const InfoHash& info_hash) {
  from.serve(info_hash);
  to.serve(info_hash);
  Answer dialled = from.dial(from.meet(to, info_hash));
  REQUIRE(dialled.code == 0);
  REQUIRE(dialled.wire.send(bt_handshake(info_hash, 'd')));
  auto endpoint = to.next_accepted(info_hash);
  REQUIRE(endpoint);
  Answer accepted = to.dial(*endpoint);
  REQUIRE(accepted.code == 0);
  REQUIRE(accepted.wire.receive(68) == bt_handshake(info_hash, 'd'));
  REQUIRE(accepted.wire.send(bt_handshake(info_hash, 'a')));
  REQUIRE(dialled.wire.receive(68) == bt_handshake(info_hash, 'a'));
  return {std::move(dialled.wire), std::move(accepted.wire)};
}

bool echoes(Wire& a, Wire& b) {
  std::string there = pattern(1, 0, 1000), back = pattern(2, 0, 1000);
  return a.send(there) && b.send(back) && b.receive(there.size()) == there && a.receive(back.size()) == back;
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

}  // namespace shoal::mesh::lab
