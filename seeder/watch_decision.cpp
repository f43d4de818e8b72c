#include "seeder/watch_decision.hpp"

#include <algorithm>

#include "base/backoff.hpp"

namespace shoal::seeder {
namespace {

constexpr std::chrono::minutes longest_pause{10};

std::chrono::milliseconds pause_after(unsigned failures, std::chrono::milliseconds poll) {
  return backoff(poll, std::max<std::chrono::milliseconds>(longest_pause, poll), failures);
}

bool tell_once(WatchMemory& memory, const std::string& problem) {
  if (memory.told == problem) return false;
  memory.told = problem;
  return true;
}

/// The clock of the file server plays no part: its times are compared for equality alone.
void note(const SeenDirectory& seen, WatchMemory& memory, SteadyTime now) {
  if (memory.seen && memory.print == seen.print) return;
  memory.print = seen.print;
  memory.seen = true;
  memory.since = now;
  memory.not_before = {};
  memory.failures = 0;
  memory.inspected = false;
  memory.refused = false;
}

WatchStep to_publish(const WatchRule& rule, const SeenDirectory& seen, const WatchMemory& memory, SteadyTime now) {
  if (now < memory.not_before || seen.files == 0) return WatchStep::nothing;
  switch (rule.complete.kind) {
    case Completeness::Kind::marker: return seen.marked ? WatchStep::publish : WatchStep::nothing;
    case Completeness::Kind::settled: return now - memory.since >= rule.complete.settling ? WatchStep::publish : WatchStep::nothing;
    case Completeness::Kind::safetensors: break;
  }
  // The second look in a row that saw the same: what comes after the last shard is there as well.
  if (memory.since == now) return WatchStep::nothing;
  return memory.inspected ? WatchStep::publish : WatchStep::inspect;
}

WatchStep about_change(const WatchRule& rule, const SeenDirectory& seen, WatchMemory& memory, SteadyTime now) {
  const bool told = memory.told_change == seen.print;
  if (!told && now >= memory.not_before) {
    memory.told_change = seen.print;
    return rule.on_change == OnChange::withdraw ? WatchStep::withdraw : WatchStep::changed;
  }
  return rule.on_change == OnChange::republish ? to_publish(rule, seen, memory, now) : WatchStep::nothing;
}

}  // namespace

WatchStep next_step(const WatchRule& rule, const SeenDirectory& seen, WatchMemory& memory, SteadyTime now) {
  if (!seen.problem.empty()) return tell_once(memory, seen.problem) ? WatchStep::tell : WatchStep::nothing;
  note(seen, memory, now);
  if (!memory.record || memory.record->phase == WatchRecord::Phase::begun) return to_publish(rule, seen, memory, now);
  if (memory.record->phase == WatchRecord::Phase::withdrawn) return WatchStep::nothing;
  if (memory.record->print != seen.print) return about_change(rule, seen, memory, now);
  const bool back = memory.told_change.has_value();
  memory.told_change.reset();
  memory.told.clear();
  return back ? WatchStep::unchanged : WatchStep::nothing;
}

bool inspected(WatchMemory& memory, const Status& result, SteadyTime now, std::chrono::milliseconds poll) {
  memory.inspected = result.ok();
  if (result.ok()) return false;
  memory.not_before = now + pause_after(++memory.failures, poll);
  return tell_once(memory, result.error().message);
}

WatchRecord begin(const SeenDirectory& seen, const WatchMemory& memory) {
  WatchRecord record = memory.record.value_or(WatchRecord{});
  // A begun one keeps its revision: whether it was registered is not known, and the tracker tells.
  if (record.phase == WatchRecord::Phase::published && record.print != seen.print) ++record.revision;
  record.phase = WatchRecord::Phase::begun;
  record.directory = seen.path;
  record.print = seen.print;
  return record;
}

bool failed(WatchMemory& memory, const Error& error, SteadyTime now, std::chrono::milliseconds poll) {
  memory.not_before = now + pause_after(++memory.failures, poll);
  memory.inspected = false;
  memory.refused = true;
  return tell_once(memory, error.message);
}

WatchState state_of(const WatchRule& rule, const SeenDirectory& seen, const WatchMemory& memory) {
  const bool was_published = memory.record && memory.record->phase == WatchRecord::Phase::published;
  if (memory.record && memory.record->phase == WatchRecord::Phase::withdrawn) return WatchState::withdrawn;
  if (!seen.problem.empty() || memory.refused) return WatchState::refused;
  if (was_published) return memory.record->print == seen.print ? WatchState::published : WatchState::changed;
  return rule.complete.kind == Completeness::Kind::settled && seen.files > 0 ? WatchState::settling : WatchState::waiting;
}

bool looks_unmounted(const Scan& now, std::size_t known_before) {
  return known_before > 0 && now.directories.empty() && now.problems.empty();
}

}  // namespace shoal::seeder
