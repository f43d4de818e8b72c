#include "mesh/acceptor.hpp"

#include "base/log.hpp"
#include "mesh/link_log.hpp"

namespace shoal::mesh {
namespace {

const std::string not_bittorrent = "it does not begin with a BitTorrent handshake";

}  // namespace

struct Acceptor::Guest {
  Guest(net::io_context& io, tcp::socket socket, std::string from)
      : connection(std::make_shared<TlsConnection>(std::move(socket))), deadline(io), party(std::move(from)) {}
  TlsConnectionPtr connection;
  Deadline deadline;
  Unfinished::Ticket ticket = 0;
  bool turned_out = false;
  std::string party;  // for the log: the address, and the machine's id once its certificate has told
  std::string opening;
};

Acceptor::Acceptor(net::io_context& io, UniqueFd listening, Limits limits, const identity::CredentialStore& credentials, const Rules& rules,
                   const Served& served, Arrived arrived)
    : io_(io),
      limits_(limits),
      tls_(credentials, {{std::string(identity::alpn_mesh)}, true, false}),
      rules_(rules),
      served_(served),
      arrived_(std::move(arrived)),
      unfinished_(limits.unfinished, limits.unfinished / 2),  // half: one address leaves room for the others
      listener_(io, std::move(listening), {[this](tcp::socket socket) { accept(std::move(socket)); }, [this] { unfinished_.drop_one(); }}) {
}

void Acceptor::accept(tcp::socket socket) {
  ErrorStatus error;
  auto from = socket.remote_endpoint(error);
  auto context = tls_.current();
  if (!context.ok()) log::error("mesh_tls_not_ready", {{"reason", context.error().message}});
  if (error || !context.ok()) return;
  auto guest = std::make_shared<Guest>(io_, std::move(socket), from.address().to_string());
  auto stream = TlsStream::accepting(*context, guest->connection->socket.native_handle());
  if (!stream.ok()) return;
  guest->connection->tls = std::move(stream).value();
  guest->ticket =
      unfinished_.add(from.address(), [this, guest] { turn_out(*guest, rules_.tally().over_cap, "too many handshakes are unfinished"); });
  guest->deadline.in(limits_.handshake, [this, weak = std::weak_ptr(guest)] {
    if (auto late = weak.lock()) turn_out(*late, rules_.tally().handshake_timed_out, "its handshake took too long");
  });
  net::co_spawn(io_, greet(guest), net::detached);
}

void Acceptor::turn_out(Guest& guest, std::atomic<std::uint64_t>& counter, std::string_view why) {
  if (std::exchange(guest.turned_out, true)) return;
  refuse(guest, counter, why);
  guest.connection->close();  // its coroutine wakes and ends
}

void Acceptor::refuse(const Guest& guest, std::atomic<std::uint64_t>& counter, std::string_view why) {
  ++counter;
  link_log::refused(guest.party, why);
}

net::awaitable<void> Acceptor::greet(GuestPtr guest) {
  auto arrival = co_await receive(guest);
  guest->deadline.cancel();
  unfinished_.remove(guest->ticket);
  if (guest->turned_out) co_return;
  if (arrival) arrived_(std::move(*arrival));
  else guest->connection->close();
}

net::awaitable<std::optional<Arrival>> Acceptor::receive(GuestPtr guest) {
  bool shaken = co_await shake_hands(guest);
  if (!shaken) co_return std::nullopt;
  auto peer = rules_.peer_of(guest->connection->tls->native());
  if (!peer.ok()) {
    link_log::refused(guest->party, peer.error().message);
    co_return std::nullopt;
  }
  guest->party = peer->identity.id.str();
  unfinished_.advance(guest->ticket, Stage::known);
  bool opened = co_await read_opening(guest);
  if (!opened) co_return std::nullopt;
  auto info_hash = info_hash_of(guest->opening);
  if (!info_hash || !served_.contains(*info_hash)) {
    refuse(*guest, rules_.tally().refused_stream, info_hash ? "content " + info_hash->hex() + " is not served here" : not_bittorrent);
    co_return std::nullopt;
  }
  if (!rules_.may_link(*peer, *info_hash)) co_return std::nullopt;
  co_return Arrival{{peer->identity.id, *info_hash}, std::move(*peer), guest->connection, guest->opening};
}

net::awaitable<bool> Acceptor::shake_hands(GuestPtr guest) {
  for (;;) {
    Io state = guest->connection->tls->handshake();
    if (state == Io::done) co_return true;
    if (guest->connection->tls->hello_seen()) unfinished_.advance(guest->ticket, Stage::greeted);
    bool more = co_await ready(guest->connection, state);
    if (!more) break;
  }
  if (!guest->turned_out) count_failed_handshake(*guest);
  co_return false;
}

void Acceptor::count_failed_handshake(const Guest& guest) {
  const bool certificate = guest.connection->tls->certificate_refused();
  if (certificate) refuse(guest, rules_.tally().refused_certificate, "its certificate is not of this fleet");
  else refuse(guest, rules_.tally().handshake_failed, "the TLS handshake failed");
}

/// Exactly 48 bytes: what follows is left to the engine.
net::awaitable<bool> Acceptor::read_opening(GuestPtr guest) {
  std::array<char, opening_size> bytes;
  while (guest->opening.size() < opening_size) {
    Transfer got = co_await read_some(guest->connection, bytes.data(), opening_size - guest->opening.size());
    if (got.state == Io::done) guest->opening.append(bytes.data(), got.bytes);
    if (got.state == Io::done && may_be_opening(guest->opening)) continue;
    if (!guest->turned_out) refuse(*guest, rules_.tally().refused_stream, not_bittorrent);
    co_return false;
  }
  co_return true;
}

}  // namespace shoal::mesh
