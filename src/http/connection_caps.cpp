#include "http/connection_caps.hpp"

namespace shoal::http {
namespace {

std::string key_of(const net::ip::address& address) {
  if (!address.is_v6()) return address.to_string();
  auto bytes = address.to_v6().to_bytes();
  return std::string(bytes.begin(), bytes.begin() + 8);
}

}  // namespace

net::ip::address unmapped(const net::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return net::ip::make_address_v4(net::ip::v4_mapped, address.to_v6());
}

std::optional<ConnectionCaps::Place> ConnectionCaps::enter(const net::ip::address& address) {
  std::string key = key_of(unmapped(address));
  auto state = state_.lock();
  auto from_here = state->by_address.try_emplace(key, 0).first;
  if (state->open >= total_ || from_here->second >= per_address_) {
    if (from_here->second == 0) state->by_address.erase(from_here);
    return std::nullopt;
  }
  ++from_here->second;
  ++state->open;
  return Place(*this, std::move(key));
}

std::size_t ConnectionCaps::open() const {
  return state_.with([](const State& state) { return state.open; });
}

void ConnectionCaps::leave(const std::string& key) {
  auto state = state_.lock();
  --state->open;
  auto found = state->by_address.find(key);
  if (--found->second == 0) state->by_address.erase(found);
}

}  // namespace shoal::http
