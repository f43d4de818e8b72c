#include "http/resolve.hpp"

#include <netdb.h>

#include <condition_variable>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>

#include "base/guarded.hpp"

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

/// What the thread that looks up and the one that waits share; the first may go on after the second has given up.
struct LookUp {
  Guarded<std::optional<Result<Endpoints>>> result;
  std::condition_variable_any done;
};

/// getaddrinfo(3) cannot be interrupted, so it runs on a thread that nobody waits for after the deadline.
Status start(const std::shared_ptr<LookUp>& look, const HostPort& host) {
  try {
    std::thread([look, host] {
      auto found = look_up(host);
      look->result.lock()->emplace(std::move(found));
      look->done.notify_all();
    }).detach();
  } catch (const std::system_error& problem) {
    return fail(ErrorCode::unreachable, "cannot find the address of " + host.host + ": " + problem.what());
  }
  return {};
}

}  // namespace

Result<Endpoints> resolve(const HostPort& host, std::chrono::steady_clock::time_point deadline, const std::stop_token& stop) {
  ErrorStatus not_numeric;
  auto address = net::ip::make_address(host.host, not_numeric);
  if (!not_numeric) return Endpoints{tcp::endpoint(address, host.port)};
  auto look = std::make_shared<LookUp>();
  SHOAL_CHECK(start(look, host));
  auto result = look->result.lock();
  look->done.wait_until(result.lock(), stop, deadline, [&] { return result->has_value(); });
  if (result->has_value()) return **result;
  if (stop.stop_requested()) return fail(ErrorCode::interrupted, "interrupted while looking up " + host.host);
  return fail(ErrorCode::unreachable, "cannot find the address of " + host.host + ": no answer in time");
}

}  // namespace shoal::http
