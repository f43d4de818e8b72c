#include "seeder/offer.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "member/trust_chain.hpp"

namespace shoal::seeder {
namespace {

constexpr std::chrono::seconds look_interval{30};
constexpr std::chrono::seconds settled{2};

}  // namespace

Offer::Offer(member::MemberSession& session, swarm::Swarm& swarm, cli::Output& out)
    : session_(session), swarm_(swarm), sources_(session.state()), looks_(session.state(), out) {}

void Offer::refresh(const std::stop_token& stop, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  if (!take_list()) return;
  do {
    for (SourceLook& look : looks_.take()) take(std::move(look), stop);
    if (stop.stop_requested()) return;
    start_looks();
  } while (looks_.wait(deadline, stop));
}

/// False where it cannot be read. A directory that was written to just now may be written to once more under the same time.
bool Offer::take_list() {
  const auto stamp = sources_.listing_stamp();
  const SteadyTime now = session_.clock().steady_now();
  if (stamp && stamp == listed_ && now < list_again_) return true;
  auto wanted = sources_.list();
  if (!wanted.ok()) log::warn("sources_unreadable", {{"reason", wanted.error().message}});
  if (!wanted.ok()) return false;
  drop_removed(wanted.value());
  for (const auto& id : wanted.value()) entries_.try_emplace(id);
  const auto age = std::chrono::system_clock::now().time_since_epoch() - std::chrono::nanoseconds(stamp.value_or(0));
  listed_ = age > settled ? stamp : std::nullopt;
  list_again_ = now + look_interval;
  return true;
}

/// One batch for each mount that nobody looks at.
void Offer::start_looks() {
  std::map<std::string, std::vector<SourceQuestion>> batches;
  const SteadyTime now = session_.clock().steady_now();
  const auto is_due = [&](const auto& item) { return !item.second.looking && now >= item.second.look_again; };
  if (std::none_of(entries_.begin(), entries_.end(), is_due)) return;
  const MountTable mounts = MountTable::read();
  for (auto& [id, entry] : entries_) {
    if (entry.looking || now < entry.look_again) continue;
    if (entry.root.empty()) {
      auto source = sources_.load(id);
      if (source.ok()) entry.root = source.value().root;
    }
    const std::string mount = mounts.of(entry.root);
    if (looks_.busy(mount)) continue;
    entry.looking = true;
    batches[mount].push_back({id, entry.serving.has_value(), entry.rehash, entry.refuted_times, entry.known});
  }
  for (auto& [mount, questions] : batches) looks_.start(mount, std::move(questions), session_.verifier());
}

void Offer::take(SourceLook look, const std::stop_token& stop) {
  auto found = entries_.find(look.id);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  entry.looking = false;
  if (look.interrupted) return;
  entry.look_again = session_.clock().steady_now() + look_interval;
  // Perhaps it was signed with a key that only a later root names: a seeder runs for months.
  if (!look.status.ok() && look.status.error().code == ErrorCode::verification && learn_trust_roots(stop)) {
    entry.look_again = {};
    return;
  }
  entry.rehash = look.touched;
  entry.known = look.status.ok() ? std::move(look.known) : nullptr;
  entry.refuted_times = std::move(look.refuted_times);
  if (look.touched) {
    // Not served until all of it was hashed again.
    stop_serving(entry);
    entry.look_again = {};
    return;
  }
  Status served = serve(look.id, entry, look);
  std::string problem = served.ok() ? "" : served.error().message;
  if (!problem.empty()) stop_serving(entry);
  if (problem == std::exchange(entry.problem, problem) || problem.empty()) return;
  log::warn("source_not_served", {{"release", look.id.hex()}, {"reason", problem}});
}

void Offer::drop_removed(const std::vector<ReleaseId>& wanted) {
  for (auto& [id, entry] : entries_)
    if (!std::binary_search(wanted.begin(), wanted.end(), id)) stop_serving(entry);
  std::erase_if(entries_, [&](const auto& item) { return !std::binary_search(wanted.begin(), wanted.end(), item.first); });
}

Status Offer::serve(const ReleaseId& id, Entry& entry, SourceLook& look) {
  SHOAL_CHECK(look.status);
  if (entry.serving) return {};
  if (!look.content) {
    // It was served when the question was asked, and is not any more.
    entry.look_again = {};
    return {};
  }
  InfoHash content = look.content->metainfo.info_hash();
  // Another release of the same content is served already: that serves this one, too.
  if (!contents().contains(content)) SHOAL_CHECK(swarm_.add(std::move(*look.content)));
  entry.serving = content;
  log::info("release_served", {{"release", id.hex()}, {"version", look.title}});
  return {};
}

/// True: there were newer ones.
bool Offer::learn_trust_roots(const std::stop_token& stop) {
  auto taken = member::follow_trust_roots(session_, *session_.client(stop));
  if (!taken.ok()) log::warn("trust_roots_not_followed", {{"reason", taken.error().message}});
  return taken.ok() && *taken > 0;
}

/// Other releases of the same content were served from the same files; they come back from their own.
void Offer::stop_serving(Entry& entry) {
  if (!entry.serving) return;
  InfoHash content = *entry.serving;
  for (auto& [id, other] : entries_) {
    if (other.serving != content) continue;
    other.serving.reset();
    if (&other != &entry) other.look_again = {};
  }
  swarm_.remove(content);
}

void Offer::failed(const InfoHash& content, const Error& error) {
  // The engine has withdrawn the pieces that are wrong; the others are served on. A file that was written is found by the next look.
  if (error.code == ErrorCode::verification) return log::error("source_damaged", {{"info_hash", content.hex()}, {"reason", error.message}});
  log::warn("serving_retried", {{"info_hash", content.hex()}, {"reason", error.message}});
  for (auto& [id, entry] : entries_) {
    if (entry.serving != content) continue;
    entry.serving.reset();
    entry.look_again = session_.clock().steady_now() + look_interval;
  }
  swarm_.remove(content);
}

std::size_t Offer::releases() const {
  auto served = [](const auto& item) { return item.second.serving.has_value(); };
  return static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), served));
}

std::set<InfoHash> Offer::contents() const {
  std::set<InfoHash> result;
  for (const auto& [id, entry] : entries_)
    if (entry.serving) result.insert(*entry.serving);
  return result;
}

}  // namespace shoal::seeder
