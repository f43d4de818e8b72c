#include "http/resolve.hpp"

#include <netdb.h>

#include <memory>
#include <optional>
#include <system_error>

#include "base/detachable_thread.hpp"

namespace shoal::http {
namespace {

using Endpoints = std::vector<tcp::endpoint>;

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

std::optional<tcp::endpoint> endpoint_of(const addrinfo& entry, std::uint16_t port) {
  if (entry.ai_family == AF_INET) {
    const auto* address = reinterpret_cast<const sockaddr_in*>(entry.ai_addr);
    return tcp::endpoint(net::ip::address_v4(ntohl(address->sin_addr.s_addr)), port);
  }
  if (entry.ai_family != AF_INET6) return std::nullopt;
  const auto* address = reinterpret_cast<const sockaddr_in6*>(entry.ai_addr);
  net::ip::address_v6::bytes_type bytes;
  std::copy(std::begin(address->sin6_addr.s6_addr), std::end(address->sin6_addr.s6_addr), bytes.begin());
  return tcp::endpoint(net::ip::address_v6(bytes, address->sin6_scope_id), port);
}

/// Blocks for as long as the system's resolver likes.
Result<Endpoints> look_up(const HostPort& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  int error = ::getaddrinfo(host.host.c_str(), nullptr, &hints, &found);
  if (error != 0) return fail(ErrorCode::unreachable, "cannot find the address of " + host.host + ": " + ::gai_strerror(error));
  std::unique_ptr<addrinfo, FreeAddresses> list(found);
  Endpoints endpoints;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next)
    if (auto endpoint = endpoint_of(*entry, host.port)) endpoints.push_back(*endpoint);
  return endpoints;
}

/// The thread that looks up may go on after the one that waits has given up.
using Found = std::shared_ptr<Guarded<std::optional<Result<Endpoints>>>>;

/// getaddrinfo(3) cannot be interrupted, so it runs on a thread that nobody waits for after the deadline.
Result<DetachableThread> start(const Found& found, const HostPort& host) {
  try {
    return DetachableThread("the system's resolver", {}, [found, host](const std::stop_token&) {
      auto endpoints = look_up(host);  // without the lock, which the one that waits takes when it gives up
      found->lock()->emplace(std::move(endpoints));
    });
  } catch (const std::system_error& problem) {
    return fail(ErrorCode::unreachable, "cannot find the address of " + host.host + ": " + problem.what());
  }
}

}  // namespace

Result<Endpoints> resolve(const HostPort& host, std::chrono::steady_clock::time_point deadline, const std::stop_token& stop) {
  ErrorStatus not_numeric;
  auto address = net::ip::make_address(host.host, not_numeric);
  if (!not_numeric) return Endpoints{tcp::endpoint(address, host.port)};
  const auto found = std::make_shared<Guarded<std::optional<Result<Endpoints>>>>();
  SHOAL_TRY(DetachableThread thread, start(found, host));
  thread.wait(deadline, stop);
  thread.detach();
  if (auto result = found->lock(); result->has_value()) return **result;
  if (stop.stop_requested()) return fail(ErrorCode::interrupted, "interrupted while looking up " + host.host);
  return fail(ErrorCode::unreachable, "cannot find the address of " + host.host + ": no answer in time");
}

}  // namespace shoal::http
