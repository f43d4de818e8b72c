// Asks the tracker how the fleet is, again and again.
#pragma once

#include <memory>
#include <thread>

#include "base/guarded.hpp"
#include "registry/client.hpp"
#include "top/picture.hpp"

namespace shoal::top {

/// `look` is for one thread at a time: for the caller's until `start`, then for the watcher's own. `picture` is thread-safe.
class Watcher {
 public:
  Watcher(registry::Client& tracker, const Clock& clock) : tracker_(tracker), clock_(clock) {}

  /// Asks once. After an error the picture stays as it is, and says why.
  Status look();
  /// Looks every two seconds; less often where an answer takes long, so that the tracker spends little on it.
  void start();
  std::shared_ptr<const Picture> picture() const;

 private:
  void run(const std::stop_token& stop);
  registry::Client& tracker_;
  const Clock& clock_;
  Picture known_;  // of the thread that looks
  Guarded<std::shared_ptr<const Picture>> picture_{std::make_shared<const Picture>()};
  std::jthread thread_;
};

}  // namespace shoal::top
