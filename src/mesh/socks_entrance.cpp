#include "mesh/socks_entrance.hpp"

#include <sys/socket.h>

#include "crypto/digest.hpp"
#include "mesh/directory.hpp"
#include "mesh/sockets.hpp"

namespace shoal::mesh {
namespace {

/// Local programs that connect and say nothing; the engine itself needs a few dozen places at once.
constexpr std::size_t unfinished_clients = 256;

}  // namespace

struct SocksEntrance::Client {
  Client(net::io_context& io, tcp::socket s) : socket(std::move(s)), deadline(io) {}
  tcp::socket socket;
  Deadline deadline;
  Unfinished::Ticket ticket = 0;

  void close() {
    if (!socket.is_open()) return;
    ::shutdown(socket.native_handle(), SHUT_WR);
    drain(socket.native_handle());  // so that the refusal is not overtaken by a reset
    ErrorStatus ignored;
    socket.close(ignored);
  }
  /// Answers are a few bytes into an empty socket: they fit, or the client is gone.
  void say(const std::string& bytes) {
    if (socket.is_open()) (void)!::send(socket.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  // Awaited by those who hold the client.
  net::awaitable<std::string> read(std::size_t size);
  net::awaitable<std::optional<std::string>> read_counted();
};

/// Exactly so many bytes; fewer when the client is gone.
net::awaitable<std::string> SocksEntrance::Client::read(std::size_t size) {
  std::string bytes(size, '\0');
  ErrorStatus error;
  std::size_t got = co_await net::async_read(socket, net::buffer(bytes), net::redirect_error(net::use_awaitable, error));
  bytes.resize(got);
  co_return bytes;
}

/// One byte that tells a length, and that many bytes; nothing when the client is gone.
net::awaitable<std::optional<std::string>> SocksEntrance::Client::read_counted() {
  std::string size = co_await read(1);
  if (size.empty()) co_return std::nullopt;
  auto wanted = static_cast<std::uint8_t>(size[0]);
  std::string bytes = co_await read(wanted);
  if (bytes.size() != wanted) co_return std::nullopt;
  co_return bytes;
}

SocksEntrance::SocksEntrance(net::io_context& io, UniqueFd listening, std::chrono::milliseconds patience, Secret secret, Tally& tally,
                             Wanted wanted)
    : io_(io),
      patience_(patience),
      secret_(std::move(secret)),
      tally_(tally),
      wanted_(std::move(wanted)),
      unfinished_(unfinished_clients, unfinished_clients),
      listener_(io, std::move(listening), {[this](tcp::socket socket) { accept(std::move(socket)); }, [this] { unfinished_.drop_one(); }}) {
}

void SocksEntrance::accept(tcp::socket socket) {
  auto client = std::make_shared<Client>(io_, std::move(socket));
  client->ticket = unfinished_.add(net::ip::address_v4::loopback(), [client] { client->close(); });
  client->deadline.in(patience_, [weak = std::weak_ptr(client)] {
    if (auto late = weak.lock()) late->close();
  });
  net::co_spawn(io_, serve(client), net::detached);
}

net::awaitable<void> SocksEntrance::serve(ClientPtr client) {
  auto endpoint = co_await negotiate(client);
  client->deadline.cancel();
  unfinished_.remove(client->ticket);
  if (endpoint && client->socket.is_open()) {
    wanted_(*endpoint, std::move(client->socket));
    co_return;
  }
  ++tally_.socks_refused;
  client->close();
}

net::awaitable<std::optional<VirtualEndpoint>> SocksEntrance::negotiate(ClientPtr client) {
  std::string greeting = co_await client->read(1);
  if (greeting.empty() || greeting[0] != socks::version) co_return std::nullopt;
  auto methods = co_await client->read_counted();
  if (!methods) co_return std::nullopt;
  bool password = socks::offers_password(*methods);
  client->say(socks::method_choice(password));
  if (!password) co_return std::nullopt;
  bool known = co_await authenticate(client);
  if (!known) co_return std::nullopt;
  co_return co_await read_request(client);
}

net::awaitable<bool> SocksEntrance::authenticate(ClientPtr client) {
  std::string head = co_await client->read(1);
  if (head.empty() || head[0] != socks::password_version) co_return false;
  auto user = co_await client->read_counted();
  if (!user) co_return false;
  auto password = co_await client->read_counted();
  if (!password) co_return false;
  bool good = is_secret(*user, *password);
  client->say(socks::password_verdict(good));
  co_return good;
}

bool SocksEntrance::is_secret(std::string_view user, std::string_view password) const {
  bool user_good = crypto::equal_in_constant_time(user, secret_.user);
  bool password_good = crypto::equal_in_constant_time(password, secret_.password);
  return user_good & password_good;
}

net::awaitable<std::optional<VirtualEndpoint>> SocksEntrance::read_request(ClientPtr client) {
  std::string head = co_await client->read(4);
  if (head.size() != 4 || head[0] != socks::version) co_return std::nullopt;
  if (head[1] != socks::connect_command || head[3] != socks::ipv4_address) {
    bool command = head[1] == socks::connect_command;
    client->say(socks::reply(command ? socks::Reply::address_type_not_supported : socks::Reply::command_not_supported));
    co_return std::nullopt;
  }
  std::string bytes = co_await client->read(6);
  if (bytes.size() != 6) co_return std::nullopt;
  VirtualEndpoint endpoint = socks::endpoint(bytes);
  if (Directory::is_virtual(endpoint.address)) co_return endpoint;
  client->say(socks::reply(socks::Reply::not_allowed));
  co_return std::nullopt;
}

}  // namespace shoal::mesh
