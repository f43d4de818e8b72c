// Brings together connections of the engine and connections of the network that are meant for each other.
//
// The engine dials a virtual endpoint (`call`), or a peer's connection has come in (`arrive`). For each machine and info-hash there is
// at most one call and at most one arrival here, and one link in the table. How they meet:
//
//   call, nothing there              dial; the call is on trial until the other engine's first byte proves that the other side chose
//                                    this connection, and only then becomes a link
//   call, an arrival waits           they are joined
//   call of an endpoint that another one has replaced, or beside a link that lives under another one
//                                    refused: the engine has, or is to have, this machine under the other one
//   arrival, nothing there           the engine is told, and told again, until it calls or the arrival's time is over
//   arrival, a call is dialling      two machines dial each other at once. The dial of the smaller id wins, so: smaller peer, our dial
//                                    is given up and the arrival joined to the call, with what the engine has said so far said again;
//                                    larger peer, the arrival is put aside until our dial has become a link or has failed. Then it
//                                    takes the dial's place, so that the two sides never end with nothing.
//   arrival, a link lives            if the link is young, the arrival may be the loser of such a race, on its way since before:
//                                    it is put aside until the link has ended or is no longer young. A loser is hung up by then.
//                                    If the link is old, the peer has restarted and we have not noticed: the link is cut.
#pragma once

#include <map>
#include <memory>

#include "mesh/acceptor.hpp"
#include "mesh/dialer.hpp"
#include "mesh/directory.hpp"
#include "mesh/link_table.hpp"
#include "mesh/socks.hpp"

namespace shoal::mesh {

struct Call;
struct WaitingArrival;

/// Control thread.
class Switchboard {
 public:
  struct Times {
    std::chrono::milliseconds handshake;
    /// For the engine to call for an arrival; it is told anew every `remind`.
    std::chrono::milliseconds take() const { return 2 * handshake; }
    std::chrono::milliseconds remind() const { return handshake / 20; }
    /// An engine that has not acted on so many will not act on more: libtorrent dials within a second if it dials at all.
    static constexpr unsigned words_in_vain = 6;
    /// For the other side's engine to speak: it may have to be told, and its own dial may have to fail first.
    std::chrono::milliseconds trial() const { return 4 * handshake; }
    /// A link is young for so long: a dial that lost to it was begun before, and is over.
    std::chrono::milliseconds young() const { return handshake; }
  };
  /// What lies outside: the directory is guarded by its owner.
  struct Outside {
    std::function<std::optional<LinkKey>(VirtualEndpoint)> find;
    std::function<bool(VirtualEndpoint)> is_current;  // and not replaced by another one
    std::function<std::optional<HostPort>(const NodeId&)> address;
    std::function<void(const LinkKey&)> tell_engine;  // an arrival waits
    std::function<void(const LinkKey&)> renumber;     // the engine does not dial this machine's address
    std::function<void(LinkParts)> start_link;
  };
  Switchboard(net::io_context& io, Times times, std::size_t most_links, const Rules& rules, const Served& served, const LinkTable& links,
              Dialer& dialer, Outside outside);
  ~Switchboard();

  void call(VirtualEndpoint endpoint, tcp::socket engine);
  void arrive(Arrival arrival);
  /// A link with this key is no more.
  void link_ended(const LinkKey& key);
  /// Drops calls and arrivals.
  void drop(const std::function<bool(const LinkKey&)>& which);

 private:
  using CallPtr = std::shared_ptr<Call>;
  struct Meeting {
    CallPtr call;
    std::unique_ptr<WaitingArrival> arrival;
  };

  // Calls.
  bool is_superseded(const LinkKey& key, VirtualEndpoint endpoint) const;
  std::optional<tcp::endpoint> address_of(const NodeId& peer) const;
  net::awaitable<void> place(CallPtr call, tcp::endpoint address);
  net::awaitable<void> hear_engine(CallPtr call);
  net::awaitable<void> say(CallPtr call);
  void fail_call(const CallPtr& call, socks::Reply reason, std::string_view why);
  void end_call(const CallPtr& call);

  // Arrivals.
  void consider(const LinkKey& key);
  bool must_wait(const LinkKey& key, const Meeting& meeting) const;
  static void note_waiting(const LinkKey& key, const Meeting& meeting);
  void tell_engine(const LinkKey& key, WaitingArrival& arrival);
  void remind_soon();
  void remind();
  std::unique_ptr<WaitingArrival> take_arrival(const LinkKey& key);

  // Links.
  bool full() const;
  LinkParts settle(const CallPtr& call, identity::Certificate peer, TlsConnectionPtr connection);
  void join_dialled(const CallPtr& call, std::string first_bytes);
  void join_arrival(const CallPtr& call, Arrival arrival);
  void join(LinkParts parts);
  void leave(const CallPtr& call);
  void forget_if_empty(const LinkKey& key);

  net::io_context& io_;
  const Times times_;
  const std::size_t most_links_;
  const Rules& rules_;
  const Served& served_;
  const LinkTable& links_;
  Dialer& dialer_;
  const Outside outside_;
  std::map<LinkKey, Meeting> meetings_;
  Deadline reminder_;  // runs while an arrival waits
  bool reminding_ = false;
};

}  // namespace shoal::mesh
