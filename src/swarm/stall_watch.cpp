#include "swarm/stall_watch.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace shoal::swarm {
namespace {

constexpr std::chrono::seconds while_fetching{1}, while_idle{10};
// So many links are made anew at a time; the others come later.
constexpr std::size_t most_renewed = 8;
// A reason that changes all the time is not told all the time.
constexpr std::chrono::seconds between_lines{60};

std::string_view name(fanout::Remedy remedy) {
  switch (remedy) {
    case fanout::Remedy::announce: return "announce";
    case fanout::Remedy::redial: return "redial";
    case fanout::Remedy::renew_links: return "renew_links";
    case fanout::Remedy::mirrors: return "mirrors";
    case fanout::Remedy::resume: return "resume";
  }
  return "";
}

/// Changes whenever something arrives, from wherever.
ByteCount arrived(const Progress& progress) {
  return progress.from_source + progress.from_peers + progress.from_mirrors + progress.reused + progress.done;
}

}  // namespace

/// Of the thread, but for what the content guards itself.
struct StallWatch::Watched {
  Watched(std::shared_ptr<HostedContent> c, fanout::StallTimes times, SteadyTime now) : content(std::move(c)), judge(times, now) {}
  const std::shared_ptr<HostedContent> content;
  fanout::StallJudge judge;
  std::optional<ByteCount> arrived;
  std::uint64_t rejected = 0;  // when something arrived last
  int checked = 0;
  fanout::StallReason told = fanout::StallReason::none;  // in the log
  SteadyTime told_at{};
};

StallWatch::StallWatch(fanout::StallTimes times, Means means)
    : times_(times), means_(std::move(means)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

StallWatch::~StallWatch() {
  thread_.request_stop();
  thread_.join();
  // A fetch that ended just now has to hear of the end of its stall.
  for (const auto& [id, watched] : *watched_.lock()) (void)note_arrivals(*watched);
}

void StallWatch::add(const std::shared_ptr<HostedContent>& content) {
  watched_.lock()->insert_or_assign(content->id(), std::make_shared<Watched>(content, times_, means_.clock.steady_now()));
  {
    std::lock_guard lock(waiting_);
    woken_ = true;
  }
  changed_.notify_all();
}

void StallWatch::remove(const InfoHash& content) { watched_.lock()->erase(content); }

void StallWatch::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto pause = attend_all();
    std::unique_lock lock(waiting_);
    changed_.wait_for(lock, stop, pause, [this] { return woken_; });
    woken_ = false;
  }
}

/// How long there is nothing to do.
std::chrono::seconds StallWatch::attend_all() {
  bool fetching = false;
  for (const auto& [id, watched] : watched_.with([](const auto& all) { return all; })) {
    try {
      fetching = attend(*watched) || fetching;
    } catch (const lt::system_error&) {  // the content has gone meanwhile
    }
  }
  return fetching ? while_fetching : while_idle;
}

/// Whether it is being fetched.
bool StallWatch::attend(Watched& watched) {
  if (note_arrivals(watched) == Arrivals::none && watched.judge.wants_look(means_.clock.steady_now())) look(watched);
  return watched.arrived.has_value();
}

StallWatch::Arrivals StallWatch::note_arrivals(Watched& watched) {
  const bool complete = watched.content->is_complete();
  const auto now = complete ? std::nullopt : std::optional(arrived(watched.content->progress()));
  const bool changed = std::exchange(watched.arrived, now) != now;
  if (changed) moved(watched);
  return complete ? Arrivals::all : changed ? Arrivals::some : Arrivals::none;
}

void StallWatch::moved(Watched& watched) {
  const SteadyTime now = means_.clock.steady_now();
  const auto quiet = std::chrono::duration_cast<std::chrono::seconds>(watched.judge.quiet(now));
  watched.judge.moved(now);
  watched.rejected = watched.content->payload()->rejected;
  watched.content->set_stall({});
  const fanout::StallReason told = std::exchange(watched.told, fanout::StallReason::none);
  if (told == fanout::StallReason::none) return;
  log::warn("fetch_resumed", {{"info_hash", watched.content->id().hex()}, {"reason", fanout::name(told)}, {"seconds", quiet.count()}});
}

void StallWatch::look(Watched& watched) {
  const SteadyTime now = means_.clock.steady_now();
  const StallSight sight = look_at(watched.content->handle(), means_.mesh);
  if (std::exchange(watched.checked, sight.checked) != sight.checked) return moved(watched);
  const fanout::Stall stall = watched.judge.look(facts(watched, sight.facts), now);
  note(watched, stall);
  watched.content->set_stall(stall);
  for (const fanout::Remedy remedy : watched.judge.due(now)) carry_out(remedy, watched, sight);
}

/// What the engine has seen, with what others know.
fanout::StallFacts StallWatch::facts(const Watched& watched, fanout::StallFacts seen) const {
  const HostedContent& content = *watched.content;
  if (const std::string problem = content.store_facts().problem; !problem.empty()) seen.disk_problem = problem;
  seen.rejected = content.payload()->rejected - watched.rejected;
  seen.quiet = watched.judge.quiet(means_.clock.steady_now());
  seen.tracker_problem = means_.announcer.problem(content.id());
  const auto named = content.named();
  seen.tracker_answered = named.has_value();
  seen.named = named ? named->in_last_answer : 0;
  if (seen.named > 0) seen.named_at = named->peers.front().address.str();
  seen.download_limit = means_.download_limit();
  return seen;
}

void StallWatch::carry_out(fanout::Remedy remedy, const Watched& watched, const StallSight& sight) {
  const HostedContent& content = *watched.content;
  log::debug("fetch_remedy", {{"info_hash", content.id().hex()}, {"remedy", name(remedy)}});
  switch (remedy) {
    case fanout::Remedy::announce: return means_.announcer.hasten(content.id());
    case fanout::Remedy::redial: return means_.introductions.introduce(content, content.named().value_or(NamedPeers{}).peers);
    case fanout::Remedy::renew_links: return renew_links(watched, sight);
    case fanout::Remedy::mirrors: return means_.mirrors.hasten(content.id());
    case fanout::Remedy::resume:
      if (!sight.facts.disk_problem.empty()) content.resume_after_error();
      return;
  }
}

void StallWatch::renew_links(const Watched& watched, const StallSight& sight) {
  const auto& idle = watched.judge.stall().reason == fanout::StallReason::no_pieces ? sight.idle : sight.idle_useful;
  for (std::size_t i = 0; i < std::min(idle.size(), most_renewed); ++i)
    if (const auto whom = means_.mesh.whom(idle[i])) means_.mesh.renew(whom->peer, whom->info_hash);
}

/// To the log: a stall, and what it has become since.
void StallWatch::note(Watched& watched, const fanout::Stall& stall) const {
  const SteadyTime now = means_.clock.steady_now();
  if (!stall.stalled || stall.reason == watched.told) return;
  if (watched.told != fanout::StallReason::none && now - watched.told_at < between_lines) return;
  watched.told = stall.reason;
  watched.told_at = now;
  log::warn("fetch_stalled", {{"info_hash", watched.content->id().hex()},
                              {"reason", fanout::name(stall.reason)},
                              {"text", stall.text},
                              {"seconds", stall.quiet.count()}});
}

}  // namespace shoal::swarm
