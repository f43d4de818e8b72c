#include "mesh/switchboard.hpp"

#include <sys/socket.h>

#include "base/log.hpp"
#include "mesh/call.hpp"
#include "mesh/link_log.hpp"
#include "mesh/sockets.hpp"

namespace shoal::mesh {

Switchboard::Switchboard(net::io_context& io, Times times, std::size_t most_links, const Rules& rules, const Served& served,
                         const LinkTable& links, Dialer& dialer, Outside outside)
    : io_(io),
      times_(times),
      most_links_(most_links),
      rules_(rules),
      served_(served),
      links_(links),
      dialer_(dialer),
      outside_(std::move(outside)),
      reminder_(io) {}

Switchboard::~Switchboard() = default;

bool Switchboard::full() const { return links_.open() + meetings_.size() >= most_links_; }

void Switchboard::forget_if_empty(const LinkKey& key) {
  auto found = meetings_.find(key);
  if (found != meetings_.end() && !found->second.call && !found->second.arrival) meetings_.erase(found);
}

// ---- calls ----

void Switchboard::call(VirtualEndpoint endpoint, tcp::socket engine) {
  auto key = outside_.find(endpoint);
  auto call = std::make_shared<Call>(io_, key.value_or(LinkKey{}), endpoint, std::move(engine), dialer_.prepare());
  if (!key || !served_.contains(key->info_hash))
    return fail_call(call, socks::Reply::not_allowed, "it stands for no peer of served content");
  // The engine has one connection for each endpoint: a second call means that it gave up the first.
  if (auto found = meetings_.find(*key); found != meetings_.end()) end_call(found->second.call);
  if (auto waiting = take_arrival(*key)) return join_arrival(call, std::move(waiting->arrival));
  if (is_superseded(*key, endpoint)) return fail_call(call, socks::Reply::not_allowed, "the engine has the peer under another endpoint");
  auto address = address_of(key->peer);
  if (!address) return fail_call(call, socks::Reply::host_unreachable, "its address is not known");
  if (full()) {
    ++rules_.tally().over_cap;
    return fail_call(call, socks::Reply::general_failure, "too many links");
  }
  meetings_[*key].call = call;
  link_log::dialling(*key, *address);
  call->deadline.in(times_.handshake, [this, call] {
    ++rules_.tally().handshake_timed_out;
    fail_call(call, socks::Reply::host_unreachable, "it did not answer in time");
  });
  net::co_spawn(io_, place(call, *address), net::detached);
  net::co_spawn(io_, hear_engine(call), net::detached);
}

/// A link that is ending does not count: its worker takes it out of the table a moment after its sockets have ended.
bool Switchboard::is_superseded(const LinkKey& key, VirtualEndpoint endpoint) const {
  if (!outside_.is_current(endpoint)) return true;
  auto link = links_.find(key);
  return link && link->end() == LinkEnd::alive && link->endpoint() != endpoint;
}

std::optional<tcp::endpoint> Switchboard::address_of(const NodeId& peer) const {
  auto address = outside_.address(peer);
  if (!address) return std::nullopt;
  auto endpoint = parse_endpoint(*address);
  return endpoint.ok() ? std::optional(*endpoint) : std::nullopt;
}

/// Dials, tells the engine, and waits for the other engine's first byte.
net::awaitable<void> Switchboard::place(CallPtr call, tcp::endpoint address) {
  if (call->settled) co_return;
  auto dialled = co_await dialer_.dial(call->line, call->key, address);
  if (call->settled) co_return;
  if (dialled.outcome != Dialer::Outcome::up) {
    bool refused = dialled.outcome == Dialer::Outcome::refused;
    fail_call(call, refused ? socks::Reply::not_allowed : socks::Reply::host_unreachable, dialled.why);
    co_return;
  }
  call->peer = std::move(dialled.peer);
  call->reply(socks::Reply::succeeded);
  call->deadline.in(times_.trial(), [this, call] {
    ++rules_.tally().handshake_timed_out;
    fail_call(call, socks::Reply::host_unreachable, "its engine did not take the link in time");
  });
  co_await say(call);
  if (call->settled) co_return;
  std::string first(Call::said_limit, '\0');
  Transfer got = co_await read_some(call->line, first.data(), first.size());
  if (call->settled) co_return;
  first.resize(got.bytes);
  got.state == Io::done ? join_dialled(call, std::move(first))
                        : fail_call(call, socks::Reply::connection_refused, "it closed the connection before its engine spoke");
}

net::awaitable<void> Switchboard::hear_engine(CallPtr call) {
  std::array<char, Call::said_limit> bytes;
  while (!call->settled && call->said.size() < Call::said_limit) {
    ErrorStatus error;
    co_await call->engine.async_wait(tcp::socket::wait_read, net::redirect_error(net::use_awaitable, error));
    if (call->settled) co_return;
    ssize_t got = ::recv(call->engine.native_handle(), bytes.data(), Call::said_limit - call->said.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) {
      end_call(call);  // the engine has hung up
      co_return;
    }
    call->said.append(bytes.data(), static_cast<std::size_t>(got));
    if (call->peer) co_await say(call);
  }
}

/// Both coroutines of a call come here: the state is in the call, and a write that OpenSSL wants repeated starts with the same bytes.
net::awaitable<void> Switchboard::say(CallPtr call) {
  while (!call->settled && call->sent < call->said.size()) {
    Transfer went = call->line->tls->write(call->said.data() + call->sent, call->said.size() - call->sent);
    if (went.state == Io::done) {
      call->sent += went.bytes;
      continue;
    }
    bool more = co_await ready(call->line, went.state);
    if (!more) co_return;  // who reads the line will see why
  }
}

/// The dial came to nothing. An arrival that was put aside for it takes its place.
void Switchboard::fail_call(const CallPtr& call, socks::Reply reason, std::string_view why) {
  if (call->settled) return;
  link_log::not_dialled(call->key, why);
  if (auto waiting = take_arrival(call->key)) return join_arrival(call, std::move(waiting->arrival));
  call->reply(reason);
  end_call(call);
}

void Switchboard::end_call(const CallPtr& ended) {
  CallPtr call = ended;  // what we were handed may be the meeting's own
  if (!call) return;
  if (std::exchange(call->settled, true)) return;
  call->deadline.cancel();
  call->close();
  leave(call);
}

// ---- arrivals ----

void Switchboard::arrive(Arrival arrival) {
  LinkKey key = arrival.key;
  bool is_new = !meetings_.contains(key) && !links_.find(key);
  link_log::accepted(key, arrival.connection->socket);
  if (is_new && full()) {
    ++rules_.tally().over_cap;
    return link_log::refused(key, "too many links");
  }
  meetings_[key].arrival = std::make_unique<WaitingArrival>(io_, std::move(arrival));  // a newer one replaces an older one
  remind_soon();
  consider(key);
}

/// Decides again about the arrival of this key, if there is one. Called whenever something has changed, and now and then.
void Switchboard::consider(const LinkKey& key) {
  auto found = meetings_.find(key);
  if (found == meetings_.end()) return;
  Meeting& meeting = found->second;
  if (meeting.arrival && hung_up(meeting.arrival->arrival.connection->socket.native_handle())) {
    link_log::dropped(key, "the peer hung up");
    meeting.arrival.reset();
  }
  if (!meeting.arrival) return forget_if_empty(key);
  if (must_wait(key, meeting)) return note_waiting(key, meeting);
  if (meeting.call) {
    CallPtr call = meeting.call;
    if (auto waiting = take_arrival(key)) join_arrival(call, std::move(waiting->arrival));
    return;
  }
  if (auto old = links_.find(key)) old->cut(LinkEnd::replaced);
  tell_engine(key, *meeting.arrival);
}

bool Switchboard::must_wait(const LinkKey& key, const Meeting& meeting) const {
  if (meeting.call) return dial_of_first_wins(rules_.self(), key.peer);
  auto link = links_.find(key);
  return link && std::chrono::steady_clock::now() - link->since() < times_.young();
}

void Switchboard::note_waiting(const LinkKey& key, const Meeting& meeting) {
  if (std::exchange(meeting.arrival->waits, true)) return;
  link_log::waiting(key, meeting.call ? "this machine dials the peer as well, and its dial goes first" : "there is a young link");
}

void Switchboard::tell_engine(const LinkKey& key, WaitingArrival& waiting) {
  if (waiting.told++ == 0)
    waiting.deadline.in(times_.take(), [this, key] {
      link_log::dropped(key, "this machine's engine did not take it in time");
      take_arrival(key);
      ++rules_.tally().handshake_timed_out;
    });
  if (waiting.told % times_.words_in_vain == 0) outside_.renumber(key);
  outside_.tell_engine(key);
}

void Switchboard::remind_soon() {
  if (std::exchange(reminding_, true)) return;
  reminder_.in(times_.remind(), [this] {
    reminding_ = false;
    remind();
  });
}

/// An engine that still holds the connection before may not act on the first word. One that believes the machine to have everything,
/// since it had once, does not act on any: it must meet the machine under a new address.
void Switchboard::remind() {
  std::vector<LinkKey> waiting;
  for (const auto& [key, meeting] : meetings_)
    if (meeting.arrival) waiting.push_back(key);
  if (!waiting.empty()) remind_soon();
  for (const LinkKey& key : waiting) consider(key);
}

std::unique_ptr<WaitingArrival> Switchboard::take_arrival(const LinkKey& key) {
  auto found = meetings_.find(key);
  if (found == meetings_.end() || !found->second.arrival) return nullptr;
  auto taken = std::move(found->second.arrival);
  forget_if_empty(key);
  if (hung_up(taken->arrival.connection->socket.native_handle())) return nullptr;
  return taken;
}

void Switchboard::link_ended(const LinkKey& key) { consider(key); }

void Switchboard::drop(const std::function<bool(const LinkKey&)>& which) {
  std::vector<LinkKey> dropped;
  for (const auto& [key, meeting] : meetings_)
    if (which(key)) dropped.push_back(key);
  for (const LinkKey& key : dropped) {
    auto found = meetings_.find(key);
    if (found == meetings_.end()) continue;
    found->second.arrival.reset();
    CallPtr call = found->second.call;
    if (!call) forget_if_empty(key);
    if (call) fail_call(call, socks::Reply::not_allowed, "it was dropped");
  }
}

// ---- links ----

/// The call leaves the switchboard with its engine's socket in a link.
LinkParts Switchboard::settle(const CallPtr& call, identity::Certificate peer, TlsConnectionPtr connection) {
  call->settled = true;
  call->deadline.cancel();
  TlsStream tls = std::move(*connection->tls);
  UniqueFd wire = connection->release(), engine(call->engine.release());
  LinkParts parts{call->key, call->endpoint, std::move(peer), false, std::move(wire), std::move(tls), std::move(engine), {}, {}, 0};
  call->close();
  return parts;
}

void Switchboard::join_dialled(const CallPtr& call, std::string first_bytes) {
  LinkParts parts = settle(call, *call->peer, call->line);
  parts.dialled = true;
  parts.said = call->said;
  parts.sent_before = call->sent;
  parts.to_engine = std::move(first_bytes);
  join(std::move(parts));
  leave(call);
}

void Switchboard::join_arrival(const CallPtr& call, Arrival arrival) {
  call->reply(socks::Reply::succeeded);
  LinkParts parts = settle(call, std::move(arrival.peer), arrival.connection);
  parts.said = call->said;
  parts.to_engine = std::move(arrival.opening);
  join(std::move(parts));
  leave(call);
}

/// Much may have changed since the handshake: the last word is asked for again.
void Switchboard::join(LinkParts parts) {
  if (!served_.contains(parts.key.info_hash) || !rules_.may_link(parts.peer, parts.key.info_hash)) return;
  ++(parts.dialled ? rules_.tally().dialled : rules_.tally().accepted);
  link_log::up(parts.key, parts.dialled);
  outside_.start_link(std::move(parts));
}

void Switchboard::leave(const CallPtr& call) {
  auto found = meetings_.find(call->key);
  if (found == meetings_.end() || found->second.call != call) return;
  found->second.call.reset();
  consider(LinkKey(call->key));
}

}  // namespace shoal::mesh
