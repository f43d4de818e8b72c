#include "mesh/directory.hpp"

namespace shoal::mesh {

VirtualEndpoint Directory::endpoint(const LinkKey& key) {
  const Machine* known = mention(key.peer);
  auto port_number = port(key.info_hash);
  if (known == nullptr || !port_number) return {};
  auto further = further_.find(key);
  return {first_address + (further == further_.end() ? known->number : further->second.now), *port_number};
}

std::optional<LinkKey> Directory::find(VirtualEndpoint endpoint) const {
  auto hash = hashes_.find(endpoint.port);
  if (!is_virtual(endpoint.address) || hash == hashes_.end()) return std::nullopt;
  const Number number = endpoint.address - first_address;
  if (auto known = numbers_.find(number); known != numbers_.end()) return LinkKey{known->second, hash->second};
  auto further = further_numbers_.find(number);
  if (further == further_numbers_.end() || further->second.info_hash != hash->second) return std::nullopt;
  return further->second;
}

bool Directory::is_current(VirtualEndpoint endpoint) const {
  auto key = find(endpoint);
  if (!key) return false;
  auto further = further_.find(*key);
  const Number number = further == further_.end() ? machines_.at(key->peer).number : further->second.now;
  return first_address + number == endpoint.address;
}

void Directory::renumber(const LinkKey& key) {
  resting_.erase(key);
  if (mention(key.peer) == nullptr) return;
  auto number = number_for_one_content();
  if (!number) return;
  further_numbers_[*number] = key;
  auto [further, is_first] = further_.try_emplace(key, Further{*number, std::nullopt});
  if (is_first) return;
  if (further->second.before) further_numbers_.erase(*further->second.before);
  further->second = {*number, further->second.now};
}

void Directory::rest(VirtualEndpoint endpoint) {
  auto key = is_current(endpoint) ? find(endpoint) : std::nullopt;
  if (!key || !resting_.insert(*key).second) return;
  resting_order_.push_back(*key);
  if (resting_order_.size() <= bounds_.resting) return;
  // One that called since is not resting any more, and the worst that comes of a mistake here is that a caller waits for a second.
  resting_.erase(resting_order_.front());
  resting_order_.pop_front();
}

std::vector<VirtualEndpoint> Directory::wake(const InfoHash& info_hash) {
  std::vector<LinkKey> resting;
  for (const LinkKey& key : resting_)
    if (key.info_hash == info_hash && address(key.peer)) resting.push_back(key);
  std::vector<VirtualEndpoint> awake;
  awake.reserve(resting.size());
  for (const LinkKey& key : resting) awake.push_back(endpoint_for_caller(key));
  return awake;
}

VirtualEndpoint Directory::endpoint_for_caller(const LinkKey& key) {
  if (resting_.contains(key)) renumber(key);
  return endpoint(key);
}

void Directory::set_address(const NodeId& peer, const HostPort& address) {
  if (Machine* known = mention(peer)) known->address = address;
}

std::optional<HostPort> Directory::address(const NodeId& peer) const {
  const Machine* known = machine(peer);
  return known != nullptr ? known->address : std::nullopt;
}

void Directory::link_started(const NodeId& peer, identity::Role role) {
  Machine* known = mention(peer);
  if (known == nullptr) return;
  if (known->links++ == 0) forgettable(*known).erase(known->place);
  known->was_linked = true;
  known->role = role;
}

void Directory::link_ended(const NodeId& peer) {
  auto known = machines_.find(peer);
  if (known == machines_.end() || known->second.links == 0 || --known->second.links > 0) return;
  known->second.place = once_linked_.insert(once_linked_.end(), peer);
  forget_oldest(once_linked_, bounds_.once_linked);
}

std::optional<identity::Role> Directory::role(const NodeId& peer) const {
  const Machine* known = machine(peer);
  return known != nullptr ? known->role : std::nullopt;
}

void Directory::release(const InfoHash& info_hash) {
  auto known = ports_.find(info_hash);
  if (known == ports_.end()) return;
  released_.push_back(known->second);
  hashes_.erase(known->second);
  ports_.erase(known);
  std::erase_if(resting_, [&](const LinkKey& key) { return key.info_hash == info_hash; });
  std::erase_if(resting_order_, [&](const LinkKey& key) { return key.info_hash == info_hash; });
  for (auto further = further_.begin(); further != further_.end();) {
    auto one = further++;
    if (one->first.info_hash == info_hash) drop(one, true);
  }
}

// ---- machines ----

const Directory::Machine* Directory::machine(const NodeId& peer) const {
  auto known = machines_.find(peer);
  return known == machines_.end() ? nullptr : &known->second;
}

/// The machine, known from now on; nothing when there is no address left for it.
Directory::Machine* Directory::mention(const NodeId& peer) {
  if (auto known = machines_.find(peer); known != machines_.end()) {
    Machine& machine = known->second;
    if (machine.links == 0) forgettable(machine).splice(forgettable(machine).end(), forgettable(machine), machine.place);
    return &machine;
  }
  auto number = new_number();
  if (!number) return nullptr;
  numbers_[*number] = peer;
  Machine& machine = machines_[peer];
  machine.number = *number;
  machine.place = never_linked_.insert(never_linked_.end(), peer);
  forget_oldest(never_linked_, bounds_.never_linked);
  return &machine;
}

void Directory::forget_oldest(std::list<NodeId>& machines, std::size_t bound) {
  if (machines.size() <= bound) return;
  const NodeId oldest = machines.front();
  machines.pop_front();
  forget(oldest);
}

/// It is in no list any more.
void Directory::forget(const NodeId& peer) {
  for (auto further = further_.lower_bound({peer, InfoHash{}}); further != further_.end() && further->first.peer == peer;) {
    auto one = further++;
    drop(one, false);
  }
  numbers_.erase(machines_.at(peer).number);
  machines_.erase(peer);
}

std::optional<Directory::Number> Directory::new_number() {
  if (next_number_ > last_address - first_address) return std::nullopt;
  return next_number_++;
}

// ---- addresses for one content ----

/// One that was given for a content which the engine has forgotten is in no peer list.
std::optional<Directory::Number> Directory::number_for_one_content() {
  if (free_further_.empty()) return new_number();
  const Number number = free_further_.front();
  free_further_.pop_front();
  return number;
}

void Directory::drop(std::map<LinkKey, Further>::iterator further, bool reusable) {
  for (const auto& number : {std::optional(further->second.now), further->second.before}) {
    if (!number) continue;
    further_numbers_.erase(*number);
    if (reusable) free_further_.push_back(*number);
  }
  further_.erase(further);
}

// ---- contents ----

std::optional<std::uint16_t> Directory::port(const InfoHash& info_hash) {
  auto known = ports_.find(info_hash);
  if (known != ports_.end()) return known->second;
  auto free = free_port();
  if (!free) return std::nullopt;
  ports_[info_hash] = *free;
  hashes_[*free] = info_hash;
  return free;
}

std::optional<std::uint16_t> Directory::free_port() {
  if (next_port_ <= last_port) return static_cast<std::uint16_t>(next_port_++);
  if (released_.empty()) return std::nullopt;
  const std::uint16_t freed = released_.front();
  released_.pop_front();
  return freed;
}

}  // namespace shoal::mesh
