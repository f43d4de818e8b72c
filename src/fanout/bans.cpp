#include "fanout/bans.hpp"

#include <algorithm>

#include "base/backoff.hpp"

namespace shoal::fanout {
namespace {

using std::chrono::seconds;

constexpr seconds first_ban{120}, longest_ban{3600};
constexpr seconds first_pause{5}, longest_pause{60};
constexpr std::chrono::hours remembered{6};
/// Lies in this many contents are no accident of one of them.
constexpr std::size_t several_contents = 2;
/// More liars than this in one fleet need an administrator, not more memory.
constexpr std::size_t most_machines = 4096, most_contents = 64;

bool is_power_of_two(unsigned number) { return (number & (number - 1)) == 0; }

}  // namespace

Sentence Bans::convict(const NodeId& machine, const InfoHash& content, SteadyTime now, bool last_source) {
  auto state = state_.lock();
  make_room(*state, now);
  ++state->convictions;
  Machine& known = state->machines[machine];
  if (known.contents.size() >= most_contents && !known.contents.contains(content)) known.contents.erase(known.contents.begin());
  Record& record = known.contents[content];
  // Pieces that it had sent before the ban may fail later: no new lie.
  if (record.until > now) return {std::chrono::duration_cast<seconds>(record.until - now), false, record.lies, false};
  Sentence sentence;
  sentence.lies = ++record.lies;
  if (last_source) {
    if (record.in_vain++ > 0) sentence.lasts = backoff(first_pause, longest_pause, record.in_vain - 2);
    sentence.is_worth_logging = is_power_of_two(sentence.lies);
  } else {
    sentence.lasts = backoff(first_ban, longest_ban, sentence.lies - 1);
    sentence.everywhere = known.contents.size() >= several_contents;
  }
  record.until = now + sentence.lasts;
  record.paused = last_source;
  if (sentence.everywhere) known.everywhere_until = record.until;
  known.remembered_until = record.until + remembered;
  return sentence;
}

void Bans::vouch(const NodeId& machine, const InfoHash& content) {
  state_.with([&](State& state) {
    auto known = state.machines.find(machine);
    if (known == state.machines.end()) return;
    if (auto record = known->second.contents.find(content); record != known->second.contents.end()) record->second.in_vain = 0;
  });
}

void Bans::pardon(const InfoHash& content, SteadyTime now) {
  state_.with([&](State& state) {
    for (auto& [id, known] : state.machines)
      if (auto record = known.contents.find(content); record != known.contents.end() && !record->second.paused)
        record->second.until = std::min(record->second.until, now);
  });
}

const Bans::Record* Bans::find(const State& state, const NodeId& machine, const InfoHash& content) {
  auto known = state.machines.find(machine);
  if (known == state.machines.end()) return nullptr;
  auto record = known->second.contents.find(content);
  return record == known->second.contents.end() ? nullptr : &record->second;
}

bool Bans::is_banned(const NodeId& machine, const InfoHash& content, SteadyTime now) const {
  return state_.with([&](const State& state) {
    const Record* record = find(state, machine, content);
    return record != nullptr && record->until > now;
  });
}

bool Bans::is_banned_everywhere(const NodeId& machine, SteadyTime now) const {
  return state_.with([&](const State& state) {
    auto known = state.machines.find(machine);
    return known != state.machines.end() && known->second.everywhere_until > now;
  });
}

bool Bans::has_lied(const NodeId& machine, const InfoHash& content) const {
  return state_.with([&](const State& state) { return find(state, machine, content) != nullptr; });
}

std::size_t Bans::count(const InfoHash& content, SteadyTime now) const {
  return state_.with([&](const State& state) {
    return static_cast<std::size_t>(std::count_if(state.machines.begin(), state.machines.end(), [&](const auto& entry) {
      const Record* record = find(state, entry.first, content);
      return (record != nullptr && record->until > now) || entry.second.everywhere_until > now;
    }));
  });
}

std::size_t Bans::count(SteadyTime now) const {
  return state_.with([&](const State& state) {
    return static_cast<std::size_t>(std::count_if(state.machines.begin(), state.machines.end(), [&](const auto& entry) {
      const auto& contents = entry.second.contents;
      return std::any_of(contents.begin(), contents.end(), [&](const auto& content) { return content.second.until > now; });
    }));
  });
}

std::uint64_t Bans::convictions() const {
  return state_.with([](const State& state) { return state.convictions; });
}

void Bans::make_room(State& state, SteadyTime now) {
  std::erase_if(state.machines, [now](const auto& entry) { return entry.second.remembered_until < now; });
  if (state.machines.size() < most_machines) return;
  state.machines.erase(std::min_element(state.machines.begin(), state.machines.end(), [](const auto& one, const auto& other) {
    return one.second.remembered_until < other.second.remembered_until;
  }));
}

}  // namespace shoal::fanout
