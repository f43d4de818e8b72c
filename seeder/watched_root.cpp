#include "seeder/watched_root.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "base/shutdown.hpp"
#include "member/trust_chain.hpp"
#include "publisher/command_parts.hpp"
#include "publisher/hash_memory.hpp"
#include "publisher/withdrawing.hpp"

namespace shoal::seeder {
namespace {

// A scan takes at most a tenth of the time, however large the tree.
constexpr int rest_factor = 9;
constexpr std::chrono::minutes longest_rest{5};
constexpr unsigned most_revisions = 1000;

/// Older versions first, so that a channel ends at the newest.
void sort_by_age(std::vector<SeenDirectory>& directories) {
  std::sort(directories.begin(), directories.end(),
            [](const SeenDirectory& a, const SeenDirectory& b) { return std::tie(a.newest_ns, a.path) < std::tie(b.newest_ns, b.path); });
}

std::chrono::milliseconds pause_after(std::chrono::milliseconds scan, std::chrono::milliseconds poll) {
  return std::max(poll, std::min<std::chrono::milliseconds>(scan * rest_factor, longest_rest));
}

std::string shown(const fs::path& path) { return printable(path.string(), 4096); }

}  // namespace

WatchedRoot::WatchedRoot(WatchRule rule, const WatchOptions& options, member::MemberSession& session, registry::Client& tracker,
                         const publisher::Signer& signer, cli::Output& out, std::stop_token stop)
    : rule_(std::move(rule)),
      poll_(options.poll),
      rate_(options.rate),
      session_(session),
      tracker_(tracker),
      signer_(signer),
      out_(out),
      stop_(std::move(stop)),
      records_(session.state()) {}

void WatchedRoot::run() {
  std::chrono::milliseconds pause{0};
  while (sleep_for(pause, stop_)) {
    turn();
    pause = pause_after(scan_took_, poll_);
  }
}

void WatchedRoot::turn() {
  const SteadyTime start = session_.clock().steady_now();
  beat();
  auto found = scan(rule_, [this] { beat(); });
  heart_.rest();
  const auto took = session_.clock().steady_now() - start;
  // Time that a file server hung is no measure of the tree.
  scan_took_ = std::chrono::duration_cast<std::chrono::milliseconds>(hung_.exchange(false) ? SteadyTime::duration{} : took);
  log::debug("root_scanned",
             {{"root", shown(rule_.root)}, {"microseconds", std::chrono::duration_cast<std::chrono::microseconds>(took).count()}});
  if (stop_.stop_requested() || !root_holds(found)) return;
  tell_problems(found.value());
  tell_gone(found.value());
  known_ = found.value().directories.size();
  show(found.value());
  sort_by_age(found.value().directories);
  for (const SeenDirectory& seen : found.value().directories) {
    if (stop_.stop_requested()) return;
    step(seen);
  }
}

/// Before the steps, which may take hours, for those that are new.
void WatchedRoot::show(const Scan& found) {
  shown_.with([&](Shown& shown) {
    std::map<fs::path, WatchState> now;
    for (const SeenDirectory& seen : found.directories) {
      auto before = shown.versions.find(seen.path);
      now[seen.path] = before == shown.versions.end() ? state_of(rule_, seen, {}) : before->second;
    }
    shown.versions = std::move(now);
    shown.problems = found.problems.size();
  });
}

void WatchedRoot::show(const SeenDirectory& seen, WatchState state) { shown_.lock()->versions[seen.path] = state; }

WatchCounts WatchedRoot::counts() const {
  WatchCounts counts;
  shown_.with([&](const Shown& shown) {
    for (const auto& [path, state] : shown.versions) ++counts[state];
    counts[WatchState::refused] += shown.problems;
    counts.lost = shown.lost || hangs_ ? 1 : 0;
  });
  counts.roots = 1;
  return counts;
}

void WatchedRoot::check_answers(std::chrono::milliseconds patience) {
  const auto news = heart_.check(session_.clock().steady_now(), patience);
  if (!news) return;
  hung_ = hung_ || *news;
  hangs_ = *news;
  if (*news) say("root_lost", rule_.root, "does not answer; what lies elsewhere goes on", {{"reason", "it does not answer"}});
  else say("root_back", rule_.root, "answers again");
}

bool WatchedRoot::root_holds(const Result<Scan>& found) {
  if (!found.ok()) lost("cannot be read: " + Result<Scan>(found).error().message);
  else if (looks_unmounted(found.value(), known_))
    lost("is empty, where there were " + std::to_string(known_) + " versions: taken for unmounted");
  else back();
  return lost_.empty();
}

void WatchedRoot::lost(const std::string& problem) {
  shown_.lock()->lost = true;
  if (std::exchange(lost_, problem) == problem) return;
  say("root_lost", rule_.root, problem, {{"reason", problem}});
}

void WatchedRoot::back() {
  shown_.lock()->lost = false;
  if (!std::exchange(lost_, "").empty()) say("root_back", rule_.root, "can be read again");
}

void WatchedRoot::tell_problems(const Scan& found) {
  std::set<std::pair<std::string, std::string>> now(found.problems.begin(), found.problems.end());
  for (const auto& problem : now)
    if (!told_.contains(problem)) say("not_published", problem.first, problem.second, {{"reason", problem.second}});
  told_ = std::move(now);
}

void WatchedRoot::tell_gone(const Scan& found) {
  std::set<fs::path> present;
  for (const SeenDirectory& seen : found.directories) present.insert(seen.path);
  for (auto entry = memories_.begin(); entry != memories_.end();) {
    if (present.contains(entry->first)) {
      ++entry;
      continue;
    }
    const auto& record = entry->second.record;
    if (record && record->phase == WatchRecord::Phase::published)
      say("changed", entry->first, "is gone; what was published of it is not served from here", {{"reason", "the directory is gone"}});
    publisher::HashMemory::forget(session_.state(), entry->first);
    entry = memories_.erase(entry);
  }
}

WatchMemory* WatchedRoot::memory_of(const SeenDirectory& seen) {
  auto [entry, fresh] = memories_.try_emplace(seen.path);
  if (!fresh) return &entry->second;
  auto record = records_.load(seen.path);
  if (record.ok()) {
    entry->second.record = std::move(record).value();
    return &entry->second;
  }
  log::error("watch_record_unreadable", {{"reason", record.error().message}});
  memories_.erase(entry);
  return nullptr;
}

void WatchedRoot::step(const SeenDirectory& seen) {
  WatchMemory* memory = memory_of(seen);
  if (memory == nullptr) return show(seen, WatchState::refused);
  take_step(seen, *memory);
  show(seen, state_of(rule_, seen, *memory));
}

void WatchedRoot::take_step(const SeenDirectory& seen, WatchMemory& memory) {
  switch (next_step(rule_, seen, memory, session_.clock().steady_now())) {
    case WatchStep::nothing: return;
    case WatchStep::tell: return say("not_published", seen.path, seen.problem, {{"reason", seen.problem}});
    case WatchStep::inspect: return inspect(seen, memory);
    case WatchStep::publish: return publish(seen, memory);
    case WatchStep::changed: return changed(seen, memory, false);
    case WatchStep::withdraw: return changed(seen, memory, true);
    case WatchStep::unchanged: return say("changed", seen.path, "is again as it was published", {{"reason", ""}});
  }
}

void WatchedRoot::inspect(const SeenDirectory& seen, WatchMemory& memory) {
  beat();
  Status result = check_safetensors(seen.path);
  heart_.rest();
  if (inspected(memory, result, session_.clock().steady_now(), poll_))
    log::info("directory_incomplete", {{"directory", shown(seen.path)}, {"reason", result.error().message}});
  // Nothing changed meanwhile, or publishing finds out.
  if (memory.inspected) publish(seen, memory);
}

void WatchedRoot::publish(const SeenDirectory& seen, WatchMemory& memory) {
  publisher::PublishRequest request;
  show(seen, WatchState::hashing);
  auto report = try_publish(seen, memory, request);
  heart_.rest();
  if (report.ok()) {
    Json line = publisher::published_line(request, report.value());
    line["directory"] = seen.path.string();
    return out_.result(line, publisher::published_text(request, report.value()));
  }
  if (stop_.stop_requested()) return;
  const Error& error = report.error();
  if (failed(memory, error, session_.clock().steady_now(), poll_))
    say("not_published", seen.path, error.message, {{"reason", error.message}, {"code", name(error.code)}});
}

Result<publisher::PublishReport> WatchedRoot::try_publish(const SeenDirectory& seen, WatchMemory& memory,
                                                          publisher::PublishRequest& request) {
  beat();
  SHOAL_CHECK(member::follow_trust_roots(session_, tracker_));
  request.source = seen.path;
  request.model = seen.reference.model;
  request.version = seen.reference.version;
  request.progress = [this](ByteCount) { beat(); };
  request.rate = rate_;
  request.keep_hashes = true;
  request.allow_code_formats = rule_.allow_code_formats;
  request.accept = [&seen](const publisher::Survey& survey) -> Status {
    if (print_of(survey) == seen.print) return {};
    return fail("changed while it was looked at; tried again");
  };
  // What somebody registered before this seeder knew of it is served, and no channel goes back to it.
  bool adopt = false;
  if (!memory.record) {
    SHOAL_TRY(adopt, registered_before(request));
  }
  if (!adopt) request.channel = rule_.channel;
  WatchRecord record = begin(seen, memory);
  auto report = publish_revision(seen, request, record, adopt);
  while (!report.ok() && report.error().code == ErrorCode::conflict && rule_.on_change == OnChange::republish &&
         record.revision < most_revisions) {
    ++record.revision;
    report = publish_revision(seen, request, record, false);
  }
  if (!adopt || report.ok()) memory.record = record;
  if (!report.ok()) return report;
  const auto before = std::exchange(memory.record->release, report.value().id);
  memory.record->phase = WatchRecord::Phase::published;
  memory.told_change.reset();
  memory.told.clear();
  memory.refused = false;
  failpoint("watch.published");
  SHOAL_CHECK(records_.save(*memory.record));
  publisher::HashMemory::forget(session_.state(), seen.path);
  SHOAL_CHECK(forget_source(before, report.value().id));
  return report;
}

Result<publisher::PublishReport> WatchedRoot::publish_revision(const SeenDirectory& seen, publisher::PublishRequest& request,
                                                               WatchRecord& record, bool adopt) {
  SHOAL_TRY(request.version, revised(seen.reference.version, record.revision));
  if (!adopt) SHOAL_CHECK(records_.save(record));
  return publisher::Publisher(session_, tracker_, signer_, out_, stop_).publish(request);
}

Result<bool> WatchedRoot::registered_before(const publisher::PublishRequest& request) {
  auto reply = tracker_.release(request.model, request.version);
  if (reply.ok()) return true;
  if (reply.error().code == ErrorCode::not_found) return false;
  return std::move(reply).error();
}

std::string WatchedRoot::title(const SeenDirectory& seen, const WatchMemory& memory) const {
  auto version = revised(seen.reference.version, memory.record ? memory.record->revision : 0);
  return VersionRef{seen.reference.model, version.ok() ? version.value() : seen.reference.version}.str();
}

void WatchedRoot::changed(const SeenDirectory& seen, WatchMemory& memory, bool withdraw) {
  const std::string what = title(seen, memory);
  Json more{{"version", what}, {"reason", "its files changed after they were published"}};
  if (!withdraw) {
    more["action"] = rule_.on_change == OnChange::republish ? "republish" : "report";
    const char* next =
        rule_.on_change == OnChange::republish ? "; it is published again when it is complete" : "; what differs is not served";
    return say("changed", seen.path, "no longer matches what was published as " + what + next, std::move(more));
  }
  more["action"] = "withdraw";
  Status done = this->withdraw(seen, memory);
  if (done.ok()) return say("changed", seen.path, "no longer matches what was published; " + what + " is withdrawn", std::move(more));
  memory.told_change.reset();
  const std::string problem = what + " changed and cannot be withdrawn: " + done.error().message;
  if (failed(memory, fail(done.error().code, problem), session_.clock().steady_now(), poll_)) {
    more["reason"] = problem;
    say("changed", seen.path, problem, std::move(more));
  }
}

Status WatchedRoot::withdraw(const SeenDirectory& seen, WatchMemory& memory) {
  WatchRecord record = *memory.record;
  SHOAL_TRY(VersionName version, revised(seen.reference.version, record.revision));
  SHOAL_CHECK(publisher::withdraw_release(session_, tracker_, signer_,
                                          {seen.reference.model, version, "its files changed after it was published"}));
  record.phase = WatchRecord::Phase::withdrawn;
  SHOAL_CHECK(records_.save(record));
  memory.record = record;
  return forget_source(record.release, std::nullopt);
}

Status WatchedRoot::forget_source(const std::optional<ReleaseId>& id, const std::optional<ReleaseId>& except) {
  if (!id || id == except) return {};
  return publisher::Sources(session_.state()).remove(*id);
}

void WatchedRoot::say(const char* type, const fs::path& path, const std::string& text, Json more) {
  more["type"] = type;
  more["directory"] = shown(path);
  if (more.contains("reason")) more["problem"] = more["reason"];  // its former name, for one release
  out_.result(more, shown(path) + " " + text);
  log::warn(type, {{"directory", shown(path)}, {"reason", text}});
}

}  // namespace shoal::seeder
