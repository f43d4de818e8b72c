#include "seeder/offer.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "store/file_stamp.hpp"
#include "store/hash_tree.hpp"

namespace shoal::seeder {
namespace {

constexpr std::chrono::seconds look_interval{30};

Status verify_content(const Source& source, const manifest::Release& release, const store::Layout& layout, const std::stop_token& stop,
                      cli::Output& out) {
  std::string title = release.model.str() + "@" + release.version.str();
  std::vector<Sha256> digests;
  for (const auto& file : release.files) digests.push_back(file.sha256);
  store::HashOptions options;
  options.stop = stop;
  options.progress = [&](ByteCount done) { out.progress({"verifying " + title, done, layout.total_size()}); };
  auto problems = store::verify_files(source.root, layout, digests, options);
  out.progress_done();
  if (!problems.ok()) return std::move(problems).error();
  if (problems.value().empty()) return {};
  const auto& first = problems.value().front();
  return fail(ErrorCode::verification, (source.root / first.path).string() + ": " + first.problem + " (written since it was published)");
}

/// Remembers the times of files that were hashed again.
Status renew_times(const Sources& sources, const ReleaseId& id, Source source, const manifest::Release& release) {
  source.mtimes_ns.clear();
  for (const auto& file : release.files) {
    SHOAL_TRY(store::FileStamp stamp, store::stamp_of(source.root / file.path));
    source.mtimes_ns.push_back(stamp.mtime_ns);
  }
  return sources.save(id, source);
}

}  // namespace

Result<bool> untouched(const Source& source, const std::vector<manifest::FileEntry>& files) {
  bool same_times = source.mtimes_ns.size() == files.size();
  for (std::size_t i = 0; i < files.size(); ++i) {
    fs::path path = source.root / files[i].path;
    SHOAL_TRY(store::FileStamp stamp, store::stamp_of(path));
    if (stamp.size != files[i].size)
      return fail(ErrorCode::verification, path.string() + " is " + std::to_string(stamp.size) + " bytes, was published with " +
                                               std::to_string(files[i].size));
    if (same_times && stamp.mtime_ns != source.mtimes_ns[i]) same_times = false;
  }
  return same_times;
}

Offer::Offer(swarm::MemberSession& session, swarm::Swarm& swarm, cli::Output& out)
    : session_(session), swarm_(swarm), out_(out), sources_(session.state()) {}

void Offer::refresh(const std::stop_token& stop) {
  auto wanted = sources_.list();
  if (!wanted.ok()) return log::warn("sources unreadable", {{"error", wanted.error().message}});
  drop_removed(wanted.value());
  for (const auto& id : wanted.value()) {
    if (stop.stop_requested()) return;
    Entry& entry = entries_[id];
    if (session_.clock().steady_now() >= entry.look_again) look_at(id, entry, stop);
  }
}

void Offer::drop_removed(const std::vector<ReleaseId>& wanted) {
  for (auto& [id, entry] : entries_)
    if (!std::binary_search(wanted.begin(), wanted.end(), id)) stop_serving(entry);
  std::erase_if(entries_, [&](const auto& item) { return !std::binary_search(wanted.begin(), wanted.end(), item.first); });
}

void Offer::look_at(const ReleaseId& id, Entry& entry, const std::stop_token& stop) {
  Status served = serve(id, entry, stop);
  entry.look_again = session_.clock().steady_now() + look_interval;
  if (stop.stop_requested()) return;
  std::string problem = served.ok() ? "" : served.error().message;
  if (!problem.empty()) stop_serving(entry);
  if (problem == std::exchange(entry.problem, problem) || problem.empty()) return;
  log::warn("not served", {{"release", id.hex()}, {"error", problem}});
}

Status Offer::serve(const ReleaseId& id, Entry& entry, const std::stop_token& stop) {
  SHOAL_TRY(Source source, sources_.load(id));
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(source.envelope, manifest::release_limit));
  SHOAL_TRY(auto release, session_.verifier()->release(envelope, source.model, id));
  SHOAL_TRY(bool trusted, untouched(source, release->files));
  if (trusted && entry.serving) return {};
  SHOAL_TRY(auto metainfo, swarm::CheckedMetainfo::check(release, source.metainfo));
  if (!trusted) {
    stop_serving(entry);
    SHOAL_CHECK(verify_content(source, *release, metainfo.layout(), stop, out_));
    SHOAL_CHECK(renew_times(sources_, id, source, *release));
  }
  InfoHash content = metainfo.info_hash();
  // Another release of the same content is served already: that serves this one, too.
  if (!contents().contains(content)) SHOAL_CHECK(swarm_.add({std::move(metainfo), source.root, swarm::Mode::seed, {}, {}, source.fingerprints}));
  entry.serving = content;
  log::info("serving", {{"release", id.hex()}, {"model", release->model.str()}, {"version", release->version.str()}});
  return {};
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
  if (error.code == ErrorCode::verification) return log::error("source damaged", {{"content", content.hex()}, {"error", error.message}});
  log::warn("serving failed, tried again later", {{"content", content.hex()}, {"error", error.message}});
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
