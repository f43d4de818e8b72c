// What links have moved, by machine and info-hash. Pure; guarded by its owner.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "mesh/link_key.hpp"
#include "mesh/link_types.hpp"

namespace shoal::mesh {

/// Plain bytes of all links with one machine for one info-hash. Written by one worker at a time, read by anyone.
struct alignas(64) Traffic {
  std::atomic<ByteCount> received{0}, sent{0};
};

/// Keeps the counters of open links, and of as many ended ones as its bound allows. What it forgets goes on counting in the totals.
class LinkLedger {
 public:
  LinkLedger() : LinkLedger(4096) {}
  explicit LinkLedger(std::size_t most_ended) : most_ended_(most_ended) {}

  /// The counters that a new link with this key adds to.
  std::shared_ptr<Traffic> traffic(const LinkKey& key, identity::Role role);
  void started(const LinkKey& key);
  void ended(const LinkKey& key);
  /// Nobody asks any more for the counters of ended links with this info-hash.
  void forget(const InfoHash& info_hash);

  std::size_t open() const { return open_; }
  std::vector<LinkCounters> counters() const;
  /// Over all links since the start, by the peer's role.
  std::map<identity::Role, LinkTotals> totals() const;

 private:
  struct Entry {
    identity::Role role = identity::Role::node;
    std::shared_ptr<Traffic> traffic = std::make_shared<Traffic>();
    std::uint32_t open = 0;
    std::uint64_t last_end = 0;
  };
  using Entries = std::map<LinkKey, Entry>;
  struct End {
    LinkKey key;
    std::uint64_t number;
  };
  static void add(LinkTotals& totals, const Entry& entry);
  Entries::iterator forget_one(Entries::iterator entry);

  const std::size_t most_ended_;
  Entries entries_;
  std::size_t open_ = 0;
  std::deque<End> ends_;  // the oldest first; of a key that ended several times the last one counts
  std::uint64_t last_end_ = 0;
  std::map<identity::Role, LinkTotals> forgotten_;
};

}  // namespace shoal::mesh
