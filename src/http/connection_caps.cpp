#include "http/connection_caps.hpp"

namespace shoal::http {

std::string address_block(const net::ip::address& given) {
  net::ip::address address = unmapped(given);
  if (!address.is_v6()) return address.to_string();
  auto bytes = address.to_v6().to_bytes();
  return std::string(bytes.begin(), bytes.begin() + 8);
}

std::string address_block(const std::string& text) {
  ErrorStatus error;
  auto address = net::ip::make_address(text, error);
  return error ? text : address_block(address);
}

net::ip::address unmapped(const net::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return net::ip::make_address_v4(net::ip::v4_mapped, address.to_v6());
}

std::size_t ConnectionCaps::count(const Counts& counts, const std::string& key) {
  auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

void ConnectionCaps::take_one(Counts& counts, const std::string& key) {
  auto found = counts.find(key);
  if (--found->second == 0) counts.erase(found);
}

std::optional<ConnectionCaps::Place> ConnectionCaps::enter(const net::ip::address& address, const std::string& holder) {
  std::string key = address_block(address);
  auto state = state_.lock();
  if (state->open >= total_ || count(state->by_address, key) >= per_address_) return std::nullopt;
  if (!holder.empty() && count(state->by_holder, holder) >= per_holder_) return std::nullopt;
  ++state->open;
  ++state->by_address[key];
  if (!holder.empty()) ++state->by_holder[holder];
  return Place(*this, std::move(key), holder);
}

std::size_t ConnectionCaps::open() const {
  return state_.with([](const State& state) { return state.open; });
}

void ConnectionCaps::leave(const std::string& key, const std::string& holder) {
  auto state = state_.lock();
  --state->open;
  take_one(state->by_address, key);
  if (!holder.empty()) take_one(state->by_holder, holder);
}

}  // namespace shoal::http
