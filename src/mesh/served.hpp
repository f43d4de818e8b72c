// The info-hashes that this machine takes part in, and whom to tell of links that wait.
#pragma once

#include <map>
#include <mutex>
#include <thread>

#include "base/guarded.hpp"
#include "mesh/link_key.hpp"
#include "mesh/link_types.hpp"

namespace shoal::mesh {

/// Thread-safe.
class Served {
 public:
  void add(const InfoHash& info_hash, Accepted accepted);
  /// When it returns, the callback of this info-hash runs no more (but for a call from within the callback itself).
  void remove(const InfoHash& info_hash);
  bool contains(const InfoHash& info_hash) const;
  void tell(const LinkKey& key, VirtualEndpoint endpoint);

 private:
  Guarded<std::map<InfoHash, std::shared_ptr<const Accepted>>> callbacks_;
  std::mutex telling_;  // held while a callback runs
  std::atomic<std::thread::id> teller_{};
};

}  // namespace shoal::mesh
