// The listener for those who watch: GET /metrics, /livez and /readyz, over plain HTTP.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.hpp"
#include "http/server.hpp"
#include "metrics/page.hpp"

namespace shoal::metrics {

/// How a service is.
struct Health {
  bool alive = true;  // its loop turns
  bool ready = true;  // what others reach is open
};

struct Exported {
  std::string role, version;
  const identity::CredentialStore& credentials;
  const Clock& clock;
  std::function<void(Page&)> describe;  // adds what the role has to say; called on the exporter's thread, one call at a time
  std::function<Health()> health;
};

/// What `GET path` answers. For Exporter and its tests.
http::Response answer(const http::Request& request, const Exported& exported);

/// One thread, few connections, no bodies. Listens without TLS and knows no callers, so that its address should be one on loopback, or one
/// that only a trusted network reaches; on others it warns in the log. What `exported` refers to must outlive it.
class Exporter {
 public:
  /// Nothing is opened where the host is empty.
  static Result<std::unique_ptr<Exporter>> start(const HostPort& listen, Exported exported);
  std::uint16_t port() const { return server_ ? server_->port() : std::uint16_t{0}; }

 private:
  Exporter() = default;
  std::unique_ptr<http::Server> server_;
};

}  // namespace shoal::metrics
