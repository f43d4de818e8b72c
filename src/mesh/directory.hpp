// Machines as virtual addresses, info-hashes as virtual ports. Pure: no sockets, no threads; guarded by its owner.
#pragma once

#include <deque>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "mesh/link_key.hpp"
#include "mesh/link_types.hpp"

namespace shoal::mesh {

/// The engine keeps addresses in its peer lists and may dial them long after. So an address means the same machine for the life of the
/// process: when the machine is forgotten, its address leads nowhere. For one content a machine may get a further address (`renumber`).
class Directory {
 public:
  static constexpr std::uint32_t first_address = 0x7f400001;  // 127.64.0.1
  static constexpr std::uint32_t last_address = 0x7f7ffffe;   // 127.127.255.254
  static constexpr std::uint32_t first_port = 1024;           // lower ones are refused by engines as privileged
  static constexpr std::uint32_t last_port = 65535;

  /// What others can make it hold. Of the machines that never had a link, those that were named longest ago are forgotten: a tracker may
  /// invent them. Of those that had one and have none, those whose last link ended longest ago.
  struct Bounds {
    std::size_t never_linked = 16384;
    std::size_t once_linked = 16384;
    std::size_t resting = 65536;
  };

  Directory() : Directory(Bounds()) {}
  explicit Directory(Bounds bounds) : bounds_(bounds) {}
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  static bool is_virtual(std::uint32_t address) { return address >= first_address && address <= last_address; }

  /// The endpoint that stands for both; {0, 0} when 4 million addresses were given out or all 64512 ports are in use.
  VirtualEndpoint endpoint(const LinkKey& key);
  /// Whom an endpoint stands for, or stood for before the machine got a further address for this content.
  std::optional<LinkKey> find(VirtualEndpoint endpoint) const;
  /// False for an endpoint that another one has replaced.
  bool is_current(VirtualEndpoint endpoint) const;
  /// From now on `endpoint` gives a new address for this machine and content. For an engine that no longer dials the old one.
  void renumber(const LinkKey& key);
  /// The engine does not dial this endpoint any more of itself, nor when it is told to.
  void rest(VirtualEndpoint endpoint);
  /// The engine has use again for all that rests of this content: endpoints that it dials, of machines of which an address is known.
  std::vector<VirtualEndpoint> wake(const InfoHash& info_hash);
  /// What the engine is told of a machine that calls: an endpoint that it dials.
  VirtualEndpoint endpoint_for_caller(const LinkKey& key);

  /// Where a machine listens, for dialling.
  void set_address(const NodeId& peer, const HostPort& address);
  std::optional<HostPort> address(const NodeId& peer) const;
  /// A link was made, and its certificate named this role.
  void link_started(const NodeId& peer, identity::Role role);
  void link_ended(const NodeId& peer);
  std::optional<identity::Role> role(const NodeId& peer) const;

  /// The engine has forgotten this content. Its port may be given to another one, once no fresh port is left; the longest unused goes
  /// first.
  void release(const InfoHash& info_hash);

  std::size_t machines() const { return machines_.size(); }
  std::size_t contents() const { return ports_.size(); }

 private:
  using Number = std::uint32_t;  // of an address
  struct Machine {
    Number number = 0;
    std::optional<HostPort> address;
    std::optional<identity::Role> role;
    std::size_t links = 0;  // open
    bool was_linked = false;
    std::list<NodeId>::iterator place;  // in the list of those that may be forgotten; in none while a link is open
  };
  /// The addresses that a machine got for one content alone.
  struct Further {
    Number now = 0;
    std::optional<Number> before;
  };

  const Machine* machine(const NodeId& peer) const;
  Machine* mention(const NodeId& peer);
  std::list<NodeId>& forgettable(const Machine& machine) { return machine.was_linked ? once_linked_ : never_linked_; }
  void forget_oldest(std::list<NodeId>& machines, std::size_t bound);
  void forget(const NodeId& peer);
  std::optional<Number> new_number();
  std::optional<Number> number_for_one_content();
  void drop(std::map<LinkKey, Further>::iterator further, bool reusable);
  std::optional<std::uint16_t> port(const InfoHash& info_hash);
  std::optional<std::uint16_t> free_port();

  const Bounds bounds_;
  std::unordered_map<NodeId, Machine> machines_;
  std::unordered_map<Number, NodeId> numbers_;
  std::list<NodeId> never_linked_, once_linked_;  // the first goes first
  std::map<LinkKey, Further> further_;
  std::unordered_map<Number, LinkKey> further_numbers_;
  std::deque<Number> free_further_;  // of contents that the engine has forgotten
  std::set<LinkKey> resting_;
  std::deque<LinkKey> resting_order_;
  Number next_number_ = 0;

  std::unordered_map<InfoHash, std::uint16_t> ports_;
  std::map<std::uint16_t, InfoHash> hashes_;
  std::deque<std::uint16_t> released_;
  std::uint32_t next_port_ = first_port;
};

}  // namespace shoal::mesh
