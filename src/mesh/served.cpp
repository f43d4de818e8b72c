#include "mesh/served.hpp"

namespace shoal::mesh {

void Served::add(const InfoHash& info_hash, Accepted accepted) {
  (*callbacks_.lock())[info_hash] = std::make_shared<const Accepted>(std::move(accepted));
}

void Served::remove(const InfoHash& info_hash) {
  callbacks_.lock()->erase(info_hash);
  if (teller_.load() != std::this_thread::get_id()) std::lock_guard wait_for_running_callback(telling_);
}

bool Served::contains(const InfoHash& info_hash) const {
  return callbacks_.with([&](const auto& callbacks) { return callbacks.contains(info_hash); });
}

void Served::tell(const LinkKey& key, VirtualEndpoint endpoint) {
  std::lock_guard telling(telling_);
  teller_ = std::this_thread::get_id();
  auto callback = callbacks_.with([&](const auto& callbacks) {
    auto found = callbacks.find(key.info_hash);
    return found == callbacks.end() ? nullptr : found->second;
  });
  if (callback && *callback) (*callback)(key.peer, key.info_hash, endpoint);
  teller_ = std::thread::id{};
}

}  // namespace shoal::mesh
