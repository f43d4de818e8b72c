#include "swarm/disk_contents.hpp"

namespace shoal::swarm {

void DiskContents::enter(const InfoHash& content, DiskContent facts) { contents_.lock()->insert_or_assign(content, std::move(facts)); }

std::optional<DiskContent> DiskContents::find(const InfoHash& content) const {
  return contents_.with([&](const auto& contents) -> std::optional<DiskContent> {
    auto it = contents.find(content);
    if (it == contents.end()) return std::nullopt;
    return it->second;
  });
}

void DiskContents::closed(const InfoHash& content) {
  contents_.lock()->erase(content);
  changed_.notify_all();
}

bool DiskContents::wait_closed(const InfoHash& content, std::chrono::milliseconds timeout) {
  auto contents = contents_.lock();
  return changed_.wait_for(contents.lock(), timeout, [&] { return !contents->contains(content); });
}

}  // namespace shoal::swarm
