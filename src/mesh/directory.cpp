#include "mesh/directory.hpp"

#include <algorithm>

namespace shoal::mesh {

VirtualEndpoint Directory::endpoint(const LinkKey& key) {
  auto number = machine_number(key.peer);
  auto port_number = port(key.info_hash);
  if (!number || !port_number) return {};
  return {first_address + static_cast<std::uint32_t>(*number), *port_number};
}

std::optional<LinkKey> Directory::find(VirtualEndpoint endpoint) const {
  if (!is_virtual(endpoint.address) || endpoint.address - first_address >= machines_.size()) return std::nullopt;
  auto hash = hashes_.find(endpoint.port);
  if (hash == hashes_.end()) return std::nullopt;
  return LinkKey{machines_[endpoint.address - first_address].id, hash->second};
}

void Directory::renumber(const NodeId& peer) {
  auto known = numbers_.find(peer);
  if (known == numbers_.end() || is_full()) return;
  machines_.push_back(Machine(machines_[known->second]));
  known->second = machines_.size() - 1;
}

void Directory::set_address(const NodeId& peer, const HostPort& address) {
  if (auto number = machine_number(peer)) machines_[*number].address = address;
}

std::optional<HostPort> Directory::address(const NodeId& peer) const {
  const Machine* known = machine(peer);
  return known != nullptr ? known->address : std::nullopt;
}

void Directory::set_role(const NodeId& peer, identity::Role role) {
  if (auto number = machine_number(peer)) machines_[*number].role = role;
}

std::optional<identity::Role> Directory::role(const NodeId& peer) const {
  const Machine* known = machine(peer);
  return known != nullptr ? known->role : std::nullopt;
}

void Directory::release(const InfoHash& info_hash) {
  if (ports_.contains(info_hash) && std::find(released_.begin(), released_.end(), info_hash) == released_.end())
    released_.push_back(info_hash);
}

const Directory::Machine* Directory::machine(const NodeId& peer) const {
  auto known = numbers_.find(peer);
  return known == numbers_.end() ? nullptr : &machines_[known->second];
}

std::optional<std::size_t> Directory::machine_number(const NodeId& peer) {
  auto known = numbers_.find(peer);
  if (known != numbers_.end()) return known->second;
  if (is_full()) return std::nullopt;
  machines_.push_back({peer, std::nullopt, std::nullopt});
  return numbers_[peer] = machines_.size() - 1;
}

std::optional<std::uint16_t> Directory::port(const InfoHash& info_hash) {
  auto known = ports_.find(info_hash);
  if (known != ports_.end()) {
    std::erase(released_, info_hash);
    return known->second;
  }
  auto free = free_port();
  if (!free) return std::nullopt;
  ports_[info_hash] = *free;
  hashes_[*free] = info_hash;
  return free;
}

std::optional<std::uint16_t> Directory::free_port() {
  if (hashes_.size() <= last_port - first_port) return static_cast<std::uint16_t>(first_port + hashes_.size());
  if (released_.empty()) return std::nullopt;
  std::uint16_t freed = ports_.at(released_.front());
  ports_.erase(released_.front());
  released_.pop_front();
  return freed;
}

}  // namespace shoal::mesh
