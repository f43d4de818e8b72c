// The links that live, by machine and info-hash, and what they have moved. Thread-safe; the pump never waits for it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/guarded.hpp"
#include "mesh/link.hpp"
#include "mesh/link_ledger.hpp"
#include "mesh/link_types.hpp"

namespace shoal::mesh {

class LinkTable {
 public:
  /// The counters that a new link with this key adds to.
  std::shared_ptr<Traffic> traffic(const LinkKey& key, identity::Role role);
  /// There is one link for each key: an older one is cut.
  void add(const std::shared_ptr<Link>& link);
  /// The link has ended.
  void remove(const std::shared_ptr<Link>& link);
  std::shared_ptr<Link> find(const LinkKey& key) const;
  /// All that live and were not replaced.
  std::vector<std::shared_ptr<Link>> all() const;
  /// Cuts those that `which` names; returns how many lived until now.
  std::size_t cut(LinkEnd why, const std::function<bool(const Link&)>& which);

  std::size_t open() const;
  /// The counters of this content's links that have ended go into the totals.
  void forget(const InfoHash& info_hash);
  std::vector<LinkCounters> counters() const;
  std::map<identity::Role, LinkTotals> totals() const;

 private:
  struct State {
    std::map<LinkKey, std::shared_ptr<Link>> current;
    LinkLedger ledger;  // with links that were replaced or cut and are about to end
  };
  Guarded<State> state_;
};

}  // namespace shoal::mesh
