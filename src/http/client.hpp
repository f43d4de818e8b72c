// Blocking HTTPS client with keep-alive, deadlines and cancellation.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include "base/units.hpp"
#include "http/message.hpp"
#include "identity/tls.hpp"

namespace shoal::http {

struct ClientRequest {
  std::string method = "GET";
  std::string target;  // path and query
  std::string body;
  std::string content_type = "application/json";
  std::chrono::milliseconds timeout{15000};
  ByteCount body_limit = 1 * MiB;  // of the response
  std::string range{};             // such as "bytes=0-999"; empty for none
};

/// One connection, used again while it lives; a request on a connection that the server closed meanwhile is sent once more.
/// One thread at a time. Errors: `unreachable` (resolve, connect, time-out, TLS), `not_enrolled` (the server refused our
/// certificate with a TLS alert), `interrupted` (stop requested).
class Client {
 public:
  /// The server must show a certificate of the fleet with the role tracker.
  static std::unique_ptr<Client> to_tracker(HostPort tracker, identity::ClientTlsSource& tls, const Clock& clock);
  /// For `join`.
  static std::unique_ptr<Client> pinned(HostPort tracker, identity::TlsContext context, const Clock& clock);
  /// Any web server: `context` says whose certificates count, and they must be for its name. Redirects are not followed.
  static std::unique_ptr<Client> to_web(HostPort server, identity::TlsContext context);
  virtual ~Client() = default;
  virtual Result<Response> send(ClientRequest request, const std::stop_token& stop) = 0;
  /// Whether the server was reached at a loopback address the last time.
  virtual bool over_loopback() const { return false; }
};

}  // namespace shoal::http
