// The gateway's listener: models by their names, over HTTP, for programs on this machine.
#pragma once

#include <memory>

#include "base/clock.hpp"
#include "base/units.hpp"
#include "node/gateway/library.hpp"

namespace shoal::gateway {

struct GatewayOptions {
  HostPort listen;  // loopback; port 0 takes any
};

/// Owns the server's threads and those that ask the library. Ends with all of its connections.
class Gateway {
 public:
  /// Code `usage` for an address that is not a loopback one: every process of this machine may read the models directory anyway, and other
  /// machines may not.
  static Result<std::unique_ptr<Gateway>> start(const GatewayOptions& options, Library& library, const Clock& clock);
  virtual ~Gateway() = default;
  virtual std::uint16_t port() const = 0;
};

/// Checks the address before anything is started. Fine where `listen` has no host, which means no gateway.
Status check_gateway_address(const HostPort& listen);

}  // namespace shoal::gateway
