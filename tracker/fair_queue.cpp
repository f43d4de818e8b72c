#include "tracker/fair_queue.hpp"

namespace shoal::tracker {

bool FairQueue::add(const std::string& caller, Work work) {
  {
    auto state = state_.lock();
    auto& waiting = state->waiting[caller];
    if (waiting.size() >= most_) return false;
    if (waiting.empty()) state->turns.push_back(caller);
    waiting.push_back(std::move(work));
  }
  post_([this] {
    if (Work waiting = next()) waiting();
  });
  return true;
}

FairQueue::Work FairQueue::next() {
  auto state = state_.lock();
  if (state->turns.empty()) return nullptr;
  auto found = state->waiting.find(state->turns.front());
  Work work = std::move(found->second.front());
  found->second.pop_front();
  if (found->second.empty()) {
    state->waiting.erase(found);
    state->turns.pop_front();
  } else {
    state->turns.splice(state->turns.end(), state->turns, state->turns.begin());
  }
  return work;
}

}  // namespace shoal::tracker
