// Work for a few threads, taken from its callers in turn.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <string>

#include "base/guarded.hpp"

namespace shoal::tracker {

/// Thread-safe. A caller who asks a thousand times waits for himself; the others wait for one piece of his work at most.
class FairQueue {
 public:
  using Work = std::function<void()>;
  /// `post` runs what it is given on some thread, later.
  FairQueue(std::size_t most_per_caller, std::function<void(Work)> post) : most_(most_per_caller), post_(std::move(post)) {}

  /// False where the caller has too much waiting.
  bool add(const std::string& caller, Work work);

 private:
  struct State {
    std::map<std::string, std::deque<Work>> waiting;
    std::list<std::string> turns;  // of those with something waiting
  };
  Work next();

  const std::size_t most_;
  const std::function<void(Work)> post_;
  Guarded<State> state_;
};

}  // namespace shoal::tracker
