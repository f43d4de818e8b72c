#include "node/gateway/gateway.hpp"

#include <algorithm>
#include <thread>

#include "http/router.hpp"
#include "http/server.hpp"
#include "node/gateway/hub.hpp"
#include "node/gateway/hub_request.hpp"
#include "node/gateway/work_pool.hpp"

namespace shoal::gateway {
namespace {

// Requests that ask the tracker or the disk at the same time, and those that wait for their turn.
constexpr unsigned askers = 8;
constexpr std::size_t most_waiting = 1024;
constexpr std::size_t most_connections = 4096;
// A program that loads weights may read nothing for minutes. It holds a connection meanwhile, and no memory.
constexpr std::chrono::minutes longest_pause{10};

http::ServerLimits limits() {
  http::ServerLimits limits;
  limits.connections = limits.connections_per_address = most_connections;
  limits.source_stall = longest_pause;
  limits.body = [](const std::string&, const std::string&, const identity::Certificate*) { return body_limit; };
  return limits;
}

/// A page of another site that points its own name at this machine (DNS rebinding) has that name as its Host.
bool is_named_as_this_machine(const http::Request& request) {
  const auto found = request.headers.find("host");
  if (found == request.headers.end()) return true;  // HTTP/1.0
  const std::string& host = found->second;
  const std::string name = host.starts_with('[') ? host.substr(0, host.find(']') + 1) : host.substr(0, host.find(':'));
  const bool is_ipv4 = !name.empty() && name.find_first_not_of("0123456789.") == std::string::npos;
  return is_ipv4 || name == "[::1]" || name == "localhost" || name.ends_with(".localhost");
}

http::Response busy() {
  http::Response response = http::error_response(503, fail(ErrorCode::unreachable, "the gateway has too many requests: try again"));
  response.retry_after = std::chrono::seconds(1);
  return response;
}

http::Response wrong_host() {
  return http::error_response(421, fail(ErrorCode::usage, "use the gateway by localhost or a loopback address"));
}

class RunningGateway final : public Gateway {
 public:
  explicit RunningGateway(Library& library) : library_(library), pool_(askers, most_waiting) {}

  Status open(const GatewayOptions& options, const Clock& clock) {
    http::ServerOptions server;
    server.listen = options.listen;
    server.limits = limits();
    server.threads = std::clamp(std::thread::hardware_concurrency(), 2U, 8U);
    SHOAL_TRY(server_, http::Server::start(std::move(server), clock, [this](http::Request request, http::Reply reply) {
                take(std::move(request), std::move(reply));
              }));
    return {};
  }
  std::uint16_t port() const override { return server_->port(); }

 private:
  /// On a thread of the server.
  void take(http::Request request, http::Reply reply) {
    if (!is_named_as_this_machine(request)) return reply(wrong_host());
    auto work = [this, request = std::move(request), reply] { reply(answer_hub(library_, request)); };
    if (!pool_.post(std::move(work))) reply(busy());
  }

  Library& library_;
  WorkPool pool_;  // ends after the server, whose threads give it work; an answer that comes later goes nowhere
  std::unique_ptr<http::Server> server_;
};

}  // namespace

Status check_gateway_address(const HostPort& listen) {
  if (listen.host.empty() || http::is_loopback(listen)) return {};
  return fail(ErrorCode::usage, "the gateway listens on a loopback address, such as 127.0.0.1:7450, not on " + listen.str() +
                                    ": it has no TLS and no password, so other machines must not reach it");
}

Result<std::unique_ptr<Gateway>> Gateway::start(const GatewayOptions& options, Library& library, const Clock& clock) {
  SHOAL_CHECK(check_gateway_address(options.listen));
  auto gateway = std::make_unique<RunningGateway>(library);
  SHOAL_CHECK(gateway->open(options, clock).within("gateway"));
  return std::unique_ptr<Gateway>(std::move(gateway));
}

}  // namespace shoal::gateway
