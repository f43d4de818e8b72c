#include "http/listener.hpp"

namespace shoal::http {
namespace {

Error cannot_listen(const HostPort& listen, const ErrorStatus& error) {
  if (error == net::error::address_in_use)
    return fail("address " + listen.str() + " is in use: stop the process that listens there, or listen elsewhere");
  if (error == net::error::access_denied)
    return fail("address " + listen.str() + " cannot be listened on: ports below 1024 need a privilege; choose a higher one");
  return fail("address " + listen.str() + " cannot be listened on: " + error.message());
}

/// "::" means every address, which is 0.0.0.0 where the kernel has no IPv6.
ErrorStatus open(tcp::acceptor& acceptor, tcp::endpoint& endpoint) {
  ErrorStatus error;
  acceptor.open(endpoint.protocol(), error);
  const bool every = endpoint.address().is_v6() && endpoint.address().is_unspecified();
  if (error != net::error::address_family_not_supported || !every) return error;
  endpoint = tcp::endpoint(tcp::v4(), endpoint.port());
  acceptor.open(endpoint.protocol(), error);
  return error;
}

ErrorStatus set_up(tcp::acceptor& acceptor, tcp::endpoint endpoint) {
  ErrorStatus error = open(acceptor, endpoint);
  // Not SO_REUSEPORT: with it two trackers could share a port unnoticed.
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) acceptor.set_option(net::ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  return error;
}

}  // namespace

Result<tcp::endpoint> listening_endpoint(const HostPort& listen) {
  ErrorStatus error;
  auto address = net::ip::make_address(listen.host, error);
  if (!error) return tcp::endpoint(address, listen.port);
  net::io_context io;
  tcp::resolver resolver(io);
  auto found = resolver.resolve(listen.host, std::to_string(listen.port), tcp::resolver::passive, error);
  if (error || found.empty())
    return fail(ErrorCode::usage, "address " + listen.str() + " cannot be listened on: " + listen.host + " is no address of this machine");
  return found.begin()->endpoint();
}

Result<tcp::acceptor> open_listener(net::io_context& io, const HostPort& listen, const tcp::endpoint& endpoint) {
  tcp::acceptor acceptor(io);
  ErrorStatus error = set_up(acceptor, endpoint);
  if (error) return cannot_listen(listen, error);
  return acceptor;
}

}  // namespace shoal::http
