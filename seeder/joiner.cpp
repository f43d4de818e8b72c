#include "seeder/joiner.hpp"

#include <map>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/shutdown.hpp"
#include "seeder/offer.hpp"
#include "store/hash_tree.hpp"
#include "swarm/metainfo.hpp"
#include "swarm/trust_chain.hpp"

namespace shoal::seeder {
namespace {

constexpr std::chrono::milliseconds try_again{5000};

using Files = std::vector<manifest::FileEntry>;

Error bad_rule(const std::string& text, const std::string& why) {
  return fail(ErrorCode::usage, "--join '" + printable(text, 300) + "' " + why + ": write DIR=org/name@version");
}

/// The times before anything is read. A file that is missing or has another size ends it at once.
Result<std::vector<std::int64_t>> times_of(const JoinRule& rule, const Files& files) {
  std::vector<std::int64_t> times;
  for (const auto& file : files) {
    const fs::path path = rule.directory / file.path;
    SHOAL_TRY(store::FileStamp stamp, store::stamp_of(path));
    if (stamp.size != file.size)
      return fail(ErrorCode::verification, path.string() + " is " + std::to_string(stamp.size) + " bytes and " + rule.title() + " has " +
                                               std::to_string(file.size) + ": it is not the same file, and nothing of it is served");
    times.push_back(stamp.mtime_ns);
  }
  return times;
}

Result<store::TreeHashes> hash(const JoinRule& rule, const store::Layout& layout, cli::Output& out, const std::stop_token& stop) {
  store::HashOptions options;
  options.stop = stop;
  options.progress = [&](ByteCount done) { out.progress({"joining " + rule.title(), done, layout.total_size()}); };
  auto hashes = store::hash_tree(rule.directory, layout, options);
  out.progress_done();
  return hashes;
}

Status check_same(const JoinRule& rule, const Files& files, const std::vector<Sha256>& hashes) {
  for (std::size_t i = 0; i < files.size(); ++i)
    if (files[i].sha256 != hashes.at(i))
      return fail(ErrorCode::verification, (rule.directory / files[i].path).string() + " has other content than in " + rule.title() +
                                               ", and nothing of it is served");
  return {};
}

/// Whether an earlier join, or a publication, of the same directory still holds.
bool is_known(const JoinRule& rule, const manifest::VerifiedRelease& release, const Sources& sources) {
  auto known = sources.load(release.id());
  if (!known.ok() || known->root != rule.directory) return false;
  auto same = untouched(known.value(), release->files);
  return same.ok() && same.value();
}

std::vector<store::Fingerprint> fingerprints_of(const store::TreeHashes& hashes) {
  std::vector<store::Fingerprint> fingerprints;
  for (const auto& piece : hashes.pieces) fingerprints.push_back(piece.fingerprint);
  return fingerprints;
}

}  // namespace

Result<JoinRule> JoinRule::parse(const std::string& text) {
  const std::size_t equals = text.rfind('=');
  const std::size_t at = text.rfind('@');
  if (equals == std::string::npos || equals == 0) return bad_rule(text, "names no directory");
  if (at == std::string::npos || at < equals) return bad_rule(text, "names no version");
  JoinRule rule;
  rule.directory = fs::absolute(text.substr(0, equals)).lexically_normal();
  if (!rule.directory.has_filename()) rule.directory = rule.directory.parent_path();
  SHOAL_TRY(rule.model, ModelName::parse(text.substr(equals + 1, at - equals - 1)).within("--join"));
  SHOAL_TRY(rule.version, VersionName::parse(text.substr(at + 1)).within("--join"));
  return rule;
}

Result<JoinReport> join_verified(const JoinRule& rule, const manifest::VerifiedRelease& release, const std::string& envelope,
                                 std::string metainfo, const Sources& sources, cli::Output& out, const std::stop_token& stop) {
  SHOAL_TRY(auto checked, swarm::CheckedMetainfo::check(release, metainfo));
  SHOAL_TRY(auto before, times_of(rule, release->files));
  SHOAL_TRY(auto hashes, hash(rule, checked.layout(), out, stop));
  SHOAL_CHECK(check_same(rule, release->files, hashes.files));
  SHOAL_TRY(auto after, times_of(rule, release->files));
  if (before != after) return fail("files in " + rule.directory.string() + " were written while they were hashed; they are hashed again");
  SHOAL_CHECK(sources.save(release.id(), {release->model, rule.directory, envelope, std::move(metainfo), fingerprints_of(hashes), after}));
  return JoinReport{release.id(), true};
}

Result<JoinReport> join_release(const JoinRule& rule, swarm::MemberSession& session, registry::Client& tracker, cli::Output& out,
                                const std::stop_token& stop) {
  SHOAL_CHECK(swarm::follow_trust_roots(session, tracker));
  SHOAL_TRY(auto reply, tracker.release(rule.model, rule.version));
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(reply.envelope, manifest::release_limit));
  SHOAL_TRY(auto release, session.verifier()->release(envelope, rule.model));
  if (release->version != rule.version)
    return fail(ErrorCode::verification, "the tracker's release for " + rule.title() + " is of version " + release->version.str());
  const Sources sources(session.state());
  if (is_known(rule, release, sources)) return JoinReport{release.id(), false};
  SHOAL_TRY(std::string metainfo, tracker.metainfo(release.id(), release->swarm.metainfo_size));
  return join_verified(rule, release, reply.envelope, std::move(metainfo), sources, out, stop);
}

Joiner::Joiner(std::vector<JoinRule> rules, swarm::MemberSession& session, cli::Output& out) : session_(session), out_(out) {
  thread_ = std::jthread([this, rules = std::move(rules)](const std::stop_token& stop) mutable { run(std::move(rules), stop); });
}

void Joiner::run(std::vector<JoinRule> rules, const std::stop_token& stop) {
  auto tracker = session_.client(stop);
  std::map<std::string, std::string> told;
  do {
    std::erase_if(rules, [&](const JoinRule& rule) { return attempt(rule, *tracker, told[rule.title()], stop); });
  } while (!rules.empty() && sleep_for(try_again, stop));
}

bool Joiner::attempt(const JoinRule& rule, registry::Client& tracker, std::string& told, const std::stop_token& stop) {
  if (stop.stop_requested()) return false;
  auto joined = join_release(rule, session_, tracker, out_, stop);
  Json line{{"model", rule.model.str()}, {"version", rule.version.str()}, {"path", rule.directory.string()}};
  if (joined.ok()) {
    line["type"] = "joined_release";
    line["release"] = joined->id.hex();
    line["hashed"] = joined->hashed;
    out_.result(line, "serves " + rule.title() + " from " + rule.directory.string());
    return true;
  }
  const std::string problem = joined.error().message;
  if (stop.stop_requested() || std::exchange(told, problem) == problem) return false;
  line["type"] = "not_joined";
  line["reason"] = problem;
  out_.result(line, rule.title() + " is not served from here yet: " + problem);
  return false;
}

}  // namespace shoal::seeder
