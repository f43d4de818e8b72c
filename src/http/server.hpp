// HTTPS server on Beast: session = handshake, read, handler, write, each with a deadline.
#pragma once

#include <chrono>
#include <memory>

#include "base/units.hpp"
#include "http/answer_budget.hpp"
#include "http/message.hpp"
#include "identity/tls.hpp"

namespace shoal::http {

struct ServerLimits {
  ByteCount header = 16 * KiB;
  /// The largest body, decided before the body is read: (method, path) -> bytes. `peer` is null where no certificate was asked
  /// for. Called on server threads. Without it, 64 KiB.
  std::function<ByteCount(const std::string& method, const std::string& path, const identity::Certificate* peer)> body;
  // Of those with a certificate; on a plain listener, of all.
  std::size_t connections = 4096;
  std::size_t connections_per_address = 1024;
  std::size_t connections_per_certificate = 256;
  // Those without one have places of their own, and displace each other alone.
  std::size_t handshakes = 1024;                    // under way at once
  std::chrono::milliseconds handshake_grace{1000};  // a younger one is not displaced; the next connection waits instead
  std::size_t guests = 128;                         // on the enrolment ALPN: one request each
  std::chrono::milliseconds guest_step{5000};       // for each step of theirs: header, body, answer
  std::chrono::milliseconds guest_handler{15000};   // until the handler answers them
  std::chrono::milliseconds handshake{5000};
  std::chrono::milliseconds header_read{5000};
  std::chrono::milliseconds body_read{30000};     // and a second more for each MiB of the body
  std::chrono::milliseconds write{30000};         // likewise
  std::chrono::milliseconds write_stall{10000};   // without any byte of an answer taken
  std::chrono::milliseconds source_stall{10000};  // the same for a body that lies in files: it holds no memory while it waits
  std::chrono::milliseconds idle{75000};          // between requests on a kept-alive connection
  std::chrono::milliseconds handler{70000};       // until the handler answers; then 503 (a long-poll must answer earlier)
  BudgetLimits budget;                            // of bodies under way; beyond it 503 with Retry-After
};

struct ServerOptions {
  HostPort listen;  // port 0: any
  /// None: plain HTTP, which start() allows on loopback only (a test listener).
  identity::ServerTlsSource* tls = nullptr;
  ServerLimits limits;
  unsigned threads = 2;
  /// Lets plain HTTP listen on other addresses than loopback, for what anyone who reaches it may read.
  bool plain_anywhere = false;
};

/// Since the start; `open` now.
struct ServerCounters {
  std::uint64_t accepted = 0, handshake_failed = 0, refused_certificate = 0, over_cap = 0, displaced = 0, busy = 0;
  std::size_t open = 0;     // with a place among the members
  ByteCount in_flight = 0;  // of bodies
};

/// Owns its threads and one io_context each. Stops and joins in the destructor.
class Server {
 public:
  static Result<std::unique_ptr<Server>> start(ServerOptions options, const Clock& clock, Handler handler);
  virtual ~Server() = default;
  virtual std::uint16_t port() const = 0;
  /// Ends connections of a machine (revocation). Requests of it that come later are for the handler to refuse.
  virtual void cut(const NodeId& id) = 0;
  virtual ServerCounters counters() const = 0;
};

/// Whether the address is one of this machine alone (127.0.0.0/8, ::1); false where it is none at all.
bool is_loopback(const HostPort& listen);

}  // namespace shoal::http
