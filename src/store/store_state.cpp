#include "store/store_state.hpp"

#include "base/backoff.hpp"
#include "base/log.hpp"

namespace shoal::store {
namespace {

constexpr std::chrono::milliseconds longest_pause{2000};

}  // namespace

ContentPtr StoreState::find(ContentId id) const {
  auto it = contents.find(id);
  return it == contents.end() || of(*it->second).stopping ? nullptr : it->second;
}

void StoreState::kick(Lane& lane) {
  of(lane).kicked = true;
  lane.sync_wanted.notify_one();
}

void StoreState::note_unsynced(Lane& lane) {
  if (std::exchange(of(lane).unsynced, true)) return;
  lane.sync_wanted.notify_one();
}

void Contents::end_job(StoredContent& content) {
  auto state = lock();
  ContentState& mine = state->of(content);
  --mine.jobs;
  if (mine.stopping && mine.jobs == 0) state->kick(*content.lane);
}

bool Contents::is_stopping(const StoredContent& content) const {
  return state_.with([&](const StoreState& state) { return state.of(content).stopping; });
}

ContentFacts Contents::facts(ContentId id) const {
  return state_.with([&](const StoreState& state) {
    auto it = state.contents.find(id);
    if (it == state.contents.end()) return ContentFacts{};
    const ContentState& content = state.of(std::as_const(*it->second));
    ContentFacts facts = content.facts;
    if (!content.has_problem) facts.problem.clear();
    return facts;
  });
}

void Contents::report_problem(StoredContent& content, const Error& error) {
  const bool is_new = with([&](StoreState& state) {
    state.of(content).facts.problem = error.message;
    return !std::exchange(state.of(content).has_problem, true);
  });
  if (!is_new) return;
  log::warn("store_trouble", {{"reason", error.message}});
  if (content.spec.events.problem) content.spec.events.problem(error);
}

void Contents::lose(const ContentPtr& content, const std::vector<std::uint32_t>& pieces, const Error& why) {
  std::vector<std::uint32_t> lost;
  with([&](StoreState& state) {
    ContentState& mine = state.of(*content);
    for (const auto piece : pieces) {
      if (!mine.have[piece]) continue;
      mine.have[piece] = false;
      mine.unexplored[piece] = false;
      --mine.facts.have;
      // In any case it is struck from the journal, which may list the piece or be about to.
      if (mine.written.erase(piece) + mine.syncing.erase(piece) == 0) --mine.facts.durable;
      mine.forgotten.push_back(piece);
      state.memory.cache().erase(content->key(), piece);
      lost.push_back(piece);
    }
    if (!lost.empty()) state.kick(*content->lane);
  });
  if (lost.empty()) return;
  log::warn("pieces_lost", {{"pieces", lost.size()}, {"first", lost.front()}, {"reason", why.message}});
  if (content->spec.events.lost) content->spec.events.lost(lost, why);
}

std::chrono::milliseconds Contents::pause(unsigned attempt) const { return backoff(retry_pause_, longest_pause, attempt); }

}  // namespace shoal::store
