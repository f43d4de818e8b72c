// A link in motion: the pump between the wire (TLS) and the engine's loopback connection. The hot path of the product.
//
// Both directions run at once and independently. Each is: what is left over goes out first, then a shared buffer of the worker's
// is filled and sent on. Bytes are copied into memory of the link's own only when the receiving side is full, and then at most one
// buffer per direction: nothing more is read before that is gone. So an idle or a flowing link owns no buffer, and a stalled one
// a bounded one.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <span>
#include <string>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "mesh/have_gathering.hpp"
#include "mesh/link_end.hpp"
#include "mesh/link_key.hpp"
#include "mesh/link_ledger.hpp"
#include "mesh/tls_stream.hpp"

namespace shoal::mesh {

/// What a link is made of.
struct LinkParts {
  LinkKey key;
  VirtualEndpoint endpoint;  // under which the engine knows the peer
  identity::Certificate peer;
  bool dialled = false;  // by this side
  UniqueFd wire;
  TlsStream tls;
  UniqueFd engine;
  std::string said;             // read from the engine already, from its first byte on
  std::string to_engine;        // read from the wire already
  std::size_t sent_before = 0;  // bytes of `said` that the wire has had already
};

class Link {
 public:
  Link(LinkParts parts, std::shared_ptr<Traffic> traffic);

  // Any thread.
  const LinkKey& key() const { return key_; }
  VirtualEndpoint endpoint() const { return endpoint_; }
  const identity::Certificate& peer() const { return peer_; }
  bool dialled() const { return dialled_; }
  std::chrono::steady_clock::time_point since() const { return since_; }
  /// Ends the link at once: nothing is sent or delivered any more. True for the first call.
  bool cut(LinkEnd why);
  /// What began its end.
  LinkEnd end() const { return end_.load(std::memory_order_relaxed); }

  /// For the worker's epoll, and to ask the kernel about it.
  int wire() const { return wire_.get(); }

  // The worker's thread only.
  enum class Turn { wait, again, ended };
  /// Moves what can be moved, up to a bound, so that one busy link does not hold up the others of its worker.
  Turn turn(std::span<char> buffer, std::chrono::steady_clock::time_point now);
  /// The socket is ready for what `events` (of epoll, edge-triggered) say.
  void wire_ready(std::uint32_t events);
  void engine_ready(std::uint32_t events);
  int engine() const { return engine_.get(); }
  std::chrono::steady_clock::time_point last_moved() const { return last_moved_; }
  /// Bytes of the last turn, both directions together.
  std::size_t moved() const { return moved_; }
  /// When the link wants a turn even if nothing happens: it keeps `have` messages back (HaveGathering).
  std::optional<std::chrono::steady_clock::time_point> wants_turn_at() const;
  /// One side has ended its stream and the other not yet.
  bool half_closed() const { return up_done_ != down_done_; }
  /// Tells both sides that it is over, as far as that goes without waiting.
  void farewell();

 private:
  enum class Blocked { no, until_readable, until_writable };
  struct Leftover {
    std::string bytes;
    std::size_t gone = 0;
    bool empty() const { return gone == bytes.size(); }
    std::string_view rest() const { return std::string_view(bytes).substr(gone); }
    void keep(std::string_view rest);
    void take(std::size_t count);
  };

  // Down: wire to engine.
  bool pump_down(std::span<char> buffer);
  std::size_t read_wire(std::span<char> buffer);
  void sleep_until_record();
  std::size_t write_engine(std::string_view bytes);
  void end_down();
  // Up: engine to wire.
  bool pump_up(std::span<char> buffer);
  std::size_t read_engine(std::span<char> buffer);
  void send_up(std::string_view bytes, std::size_t news);
  bool let_go();
  std::size_t write_wire(std::string_view bytes);
  void end_up();
  void wire_failed();
  void end_wire(LinkEnd why);
  void note_end(LinkEnd why);
  static Blocked blocked_by(Io state);

  const LinkKey key_;
  const VirtualEndpoint endpoint_;
  const identity::Certificate peer_;
  const bool dialled_;
  const std::chrono::steady_clock::time_point since_;
  const std::shared_ptr<Traffic> traffic_;
  const UniqueFd wire_, engine_;  // closed by the destructor alone, so that cut() may use them from any thread
  std::atomic<bool> cut_{false};
  std::atomic<LinkEnd> end_{LinkEnd::alive};

  TlsStream tls_;
  Leftover up_, down_;
  HaveGathering gathering_;
  std::string kept_;  // what it keeps back
  std::chrono::steady_clock::time_point kept_until_;
  // TLS may have to write to read on (an answer to a key update), or to read to write on.
  Blocked wire_read_ = Blocked::no, wire_write_ = Blocked::no;
  bool engine_read_blocked_ = false, engine_write_blocked_ = false;
  bool engine_hung_up_ = false;  // a short read does not mean "empty" any more
  bool wire_ended_ = false, engine_ended_ = false;
  std::size_t wakes_from_ = 1;  // bytes on the wire
  bool up_done_ = false, down_done_ = false;
  std::size_t moved_ = 0;
  std::chrono::steady_clock::time_point now_;  // of this turn
  unsigned records_ = 0;                       // read from the wire in this turn
  std::chrono::steady_clock::time_point last_moved_;
};

}  // namespace shoal::mesh
