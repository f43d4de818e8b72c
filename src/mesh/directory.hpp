// Machines as virtual addresses, info-hashes as virtual ports. Pure: no sockets, no threads; guarded by its owner.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "mesh/link_key.hpp"
#include "mesh/mesh.hpp"

namespace shoal::mesh {

/// Numbers are given in order of first mention and mean the same machine for the life of the process: the engine keeps them in its
/// peer lists. A machine may get a further one (`renumber`).
class Directory {
 public:
  static constexpr std::uint32_t first_address = 0x7f400001;  // 127.64.0.1
  static constexpr std::uint32_t last_address = 0x7f7ffffe;   // 127.127.255.254
  static constexpr std::uint32_t first_port = 1024;           // lower ones are refused by engines as privileged
  static constexpr std::uint32_t last_port = 65535;

  static bool is_virtual(std::uint32_t address) { return address >= first_address && address <= last_address; }

  /// The endpoint that stands for both; {0, 0} when all 4 million addresses or all 64512 ports are in use.
  VirtualEndpoint endpoint(const LinkKey& key);
  std::optional<LinkKey> find(VirtualEndpoint endpoint) const;
  /// From now on `endpoint` gives this machine a new address; the old one still leads to it. For an engine that no longer wants the old.
  void renumber(const NodeId& peer);

  /// Where a machine listens, for dialling.
  void set_address(const NodeId& peer, const HostPort& address);
  std::optional<HostPort> address(const NodeId& peer) const;
  /// What its certificate said when a link was made.
  void set_role(const NodeId& peer, identity::Role role);
  std::optional<identity::Role> role(const NodeId& peer) const;

  /// The port of this info-hash may be given to another one, once no fresh port is left; the longest unused goes first.
  void release(const InfoHash& info_hash);

 private:
  struct Machine {
    NodeId id;
    std::optional<HostPort> address;
    std::optional<identity::Role> role;
  };
  const Machine* machine(const NodeId& peer) const;
  std::optional<std::size_t> machine_number(const NodeId& peer);
  bool is_full() const { return machines_.size() > last_address - first_address; }
  std::optional<std::uint16_t> port(const InfoHash& info_hash);
  std::optional<std::uint16_t> free_port();

  std::vector<Machine> machines_;  // the number is the place; of several with one id the last counts
  std::unordered_map<NodeId, std::size_t> numbers_;
  std::unordered_map<InfoHash, std::uint16_t> ports_;
  std::map<std::uint16_t, InfoHash> hashes_;
  std::deque<InfoHash> released_;
};

}  // namespace shoal::mesh
