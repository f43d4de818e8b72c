#include "seeder/joined_directory.hpp"

#include <algorithm>

#include "base/backoff.hpp"
#include "base/shutdown.hpp"
#include "member/trust_chain.hpp"
#include "publisher/hash_memory.hpp"
#include "seeder/source_looks.hpp"

namespace shoal::seeder {
namespace {

constexpr std::chrono::seconds first_pause{5};
constexpr std::chrono::seconds longest_pause{40};
constexpr std::chrono::milliseconds turn_pause{200};
constexpr std::chrono::seconds progress_interval{5};
/// What a file server showed of a file may have been old.
constexpr std::chrono::hours refusal_holds{6};

std::vector<store::Fingerprint> fingerprints_of(const store::TreeHashes& hashes) {
  std::vector<store::Fingerprint> fingerprints;
  for (const auto& piece : hashes.pieces) fingerprints.push_back(piece.fingerprint);
  return fingerprints;
}

}  // namespace

std::chrono::milliseconds pause_before_joining_again(unsigned failures) {
  return backoff<std::chrono::milliseconds>(first_pause, longest_pause, failures);
}

JoinedDirectory::JoinedDirectory(JoinRule rule, JoinTools tools, member::MemberSession& session, registry::Client& tracker,
                                 cli::Output& out, std::stop_token stop)
    : rule_(std::move(rule)),
      tools_(std::move(tools)),
      session_(session),
      tracker_(tracker),
      out_(out),
      stop_(std::move(stop)),
      sources_(session.state()) {}

void JoinedDirectory::run() {
  unsigned failures = 0;
  do {
    auto joined = attempt();
    if (joined.ok()) return say_joined(joined.value());
    if (stop_.stop_requested()) return;
    const std::string problem = joined.error().message;
    failures = problem == told_ ? failures + 1 : 0;
    say_not(problem);
  } while (sleep_for(pause_before_joining_again(failures), stop_));
}

Result<JoinReport> JoinedDirectory::attempt() {
  beat();
  if (still_refused()) {
    heart_.rest();
    return refusal_->error;
  }
  auto joined = join();
  heart_.rest();
  if (joined.ok()) state_ = JoinState::joined;
  else state_ = joined.error().code == ErrorCode::verification ? JoinState::refused : JoinState::waiting;
  return joined;
}

/// Looks at the files alone. What did not change need not be read again, unless all of it is to be.
bool JoinedDirectory::still_refused() {
  if (!refusal_) return false;
  auto same = [&](const auto& file) {
    auto now = store::stamp_of(rule_.directory / file.first);
    beat();
    return now.ok() && now.value() == file.second;
  };
  const bool due = session_.clock().steady_now() >= refusal_->hash_again;
  if (!due && std::all_of(refusal_->files.begin(), refusal_->files.end(), same)) return true;
  if (due) publisher::HashMemory::forget(session_.state(), rule_.directory);
  refusal_.reset();
  return false;
}

Result<JoinReport> JoinedDirectory::join() {
  // A tracker that does not answer is no file server that hangs.
  heart_.rest();
  SHOAL_CHECK(member::follow_trust_roots(session_, tracker_));
  SHOAL_TRY(auto reply, tracker_.release(rule_.model, rule_.version));
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(reply.envelope, manifest::release_limit));
  SHOAL_TRY(auto release, session_.verifier()->release(envelope, rule_.model));
  if (release->version != rule_.version)
    return fail(ErrorCode::verification, "the tracker's release for " + rule_.title() + " is of version " + release->version.str());
  if (is_known(release)) return JoinReport{release.id(), false};
  heart_.rest();
  SHOAL_TRY(std::string metainfo, tracker_.metainfo(release.id(), release->swarm.metainfo_size));
  return join_verified(release, reply.envelope, std::move(metainfo));
}

/// Whether an earlier join, or a publication, of the same directory still holds.
bool JoinedDirectory::is_known(const manifest::VerifiedRelease& release) {
  auto known = sources_.load(release.id());
  if (!known.ok() || known->root != rule_.directory) return false;
  auto now = stamps_of(*release);
  if (!now.ok() || now->size() != known->mtimes_ns.size()) return false;
  return std::equal(now->begin(), now->end(), known->mtimes_ns.begin(),
                    [](const auto& file, auto time) { return file.second.mtime_ns == time; });
}

Result<JoinReport> JoinedDirectory::join_verified(const manifest::VerifiedRelease& release, const std::string& envelope,
                                                  std::string metainfo) {
  SHOAL_TRY(auto checked, metainfo::CheckedMetainfo::check(release, metainfo));
  SHOAL_TRY(Stamps before, stamps_of(*release));
  heart_.rest();
  SHOAL_CHECK(wait_for_turn());
  state_ = JoinState::hashing;
  auto hashes = hash(checked.layout());
  if (tools_.turns) tools_.turns->leave(this);
  SHOAL_CHECK(hashes);
  if (Status same = check_same(*release, hashes->files); !same.ok()) {
    refusal_ = Refusal{std::move(before), same.error(), session_.clock().steady_now() + refusal_holds};
    return same.error();
  }
  SHOAL_TRY(Stamps after, stamps_of(*release));
  if (before != after) return fail("files in " + rule_.directory.string() + " were written while they were hashed; they are hashed again");
  publisher::Source source{release->model, rule_.directory, envelope, std::move(metainfo), fingerprints_of(hashes.value()), {}};
  for (const auto& [path, stamp] : after) source.mtimes_ns.push_back(stamp.mtime_ns);
  SHOAL_CHECK(sources_.save(release.id(), source));
  publisher::HashMemory::forget(session_.state(), rule_.directory);
  return JoinReport{release.id(), true};
}

/// Before anything is read. A file that is missing or has another size ends it at once.
Result<JoinedDirectory::Stamps> JoinedDirectory::stamps_of(const manifest::Release& release) {
  Stamps stamps;
  stamps.reserve(release.files.size());
  for (const auto& file : release.files) {
    beat();
    const fs::path path = rule_.directory / file.path;
    SHOAL_TRY(store::FileStamp stamp, store::stamp_of(path));
    if (stamp.size != file.size)
      return fail(ErrorCode::verification, path.string() + " is " + std::to_string(stamp.size) + " bytes and " + rule_.title() + " has " +
                                               std::to_string(file.size) + ": it is not the same file, and nothing of it is served");
    stamps.emplace_back(file.path, stamp);
  }
  return stamps;
}

Status JoinedDirectory::wait_for_turn() {
  while (tools_.turns && !tools_.turns->enter(this, session_.clock().steady_now()))
    if (!sleep_for(turn_pause, stop_))
      return fail(ErrorCode::interrupted, "interrupted before " + rule_.directory.string() + " was hashed");
  return {};
}

Result<store::TreeHashes> JoinedDirectory::hash(const store::Layout& layout) {
  store::HashOptions options;
  options.stop = stop_;
  options.rate = tools_.rate.get();
  SteadyTime said{};
  options.progress = [&](ByteCount done) {
    beat();
    const SteadyTime now = session_.clock().steady_now();
    if (tools_.turns) tools_.turns->progress(this, now);
    if (now - said < progress_interval && done < layout.total_size()) return;
    said = now;
    out_.progress({"joining " + rule_.title(), done, layout.total_size()});
  };
  publisher::HashMemory memory(session_.state(), rule_.directory, layout);
  options.known = [&](std::uint32_t file, const store::FileStamp& stamp) { return memory.find(file, stamp); };
  options.learned = [&](std::uint32_t file, const store::FileStamp& stamp, const store::FileHashes& known) {
    memory.add(file, stamp, known);
  };
  beat();
  auto hashes = store::hash_tree(rule_.directory, layout, options);
  out_.progress_done();
  return hashes;
}

Status JoinedDirectory::check_same(const manifest::Release& release, const std::vector<Sha256>& hashes) const {
  for (std::size_t i = 0; i < release.files.size(); ++i)
    if (release.files[i].sha256 != hashes.at(i))
      return fail(ErrorCode::verification, (rule_.directory / release.files[i].path).string() + " has other content than in " +
                                               rule_.title() + ", and nothing of it is served");
  return {};
}

void JoinedDirectory::check_answers(std::chrono::milliseconds patience) {
  const auto news = heart_.check(session_.clock().steady_now(), patience);
  if (!news) return;
  Json said = line(*news ? "root_lost" : "root_back");
  said["directory"] = rule_.directory.string();
  if (*news) said["reason"] = said["problem"] = "it does not answer";
  out_.result(said, rule_.directory.string() + (*news ? " does not answer; what lies elsewhere goes on" : " answers again"));
}

Json JoinedDirectory::line(const char* type) const {
  return {{"type", type}, {"model", rule_.model.str()}, {"version", rule_.version.str()}, {"path", rule_.directory.string()}};
}

void JoinedDirectory::say_joined(const JoinReport& report) {
  Json said = line("joined_release");
  said["release"] = report.id.hex();
  said["hashed"] = report.hashed;
  out_.result(said, "serves " + rule_.title() + " from " + rule_.directory.string());
}

void JoinedDirectory::say_not(const std::string& problem) {
  if (std::exchange(told_, problem) == problem) return;
  Json said = line("not_joined");
  said["reason"] = problem;
  out_.result(said, rule_.title() + " is not served from here yet: " + problem);
}

}  // namespace shoal::seeder
