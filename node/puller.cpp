#include "node/puller.hpp"

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "base/shutdown.hpp"
#include "node/admission.hpp"
#include "node/format_watch.hpp"
#include "node/refusals.hpp"

namespace shoal::node {
namespace {

constexpr std::chrono::milliseconds waiting_step{200};
/// While the pieces that decide arrive, some files can be judged before others.
constexpr std::chrono::seconds early_look{1};

}  // namespace

std::vector<swarm::OlderRelease> older_releases(const manifest::Verifier& verifier, const Shelf& shelf) {
  std::vector<swarm::OlderRelease> older;
  auto held = shelf.held();
  for (const ReleaseId& id : held.ok() ? *held : std::vector<ReleaseId>{}) {
    auto release = shelf.verified(verifier, id);
    auto bytes = shelf.metainfo(id);
    if (!release || !bytes) continue;
    auto metainfo = metainfo::CheckedMetainfo::check(*release, std::move(bytes).value());
    if (metainfo) older.push_back({std::move(metainfo).value(), shelf.release(id)});
  }
  return older;
}

Status check_not_refused(const Shelf& shelf, const ReleaseId& release, bool node_allows) {
  auto reason = Refusals(shelf.state()).reason(release, node_allows);
  return reason ? Status(fail(ErrorCode::verification, std::move(*reason))) : Status();
}

Puller::Puller(member::MemberSession& session, Shelf& shelf, Node& node, cli::Output& out, std::stop_token stop)
    : session_(session), shelf_(shelf), node_(node), out_(out), stop_(std::move(stop)) {}

Result<PullReport> Puller::pull(const PullRequest& request, const Wanted& wanted, registry::Client& tracker) {
  SteadyTime started = session_.clock().steady_now();
  SHOAL_TRY(PullReport report, bring(request, wanted, tracker));
  SHOAL_CHECK(expose(request, wanted));
  if (!request.to) report.link = shelf_.link(request.reference);
  report.took = std::chrono::duration_cast<std::chrono::milliseconds>(session_.clock().steady_now() - started);
  return report;
}

Result<PullReport> Puller::bring(const PullRequest& request, const Wanted& wanted, registry::Client& tracker) {
  SHOAL_TRY(PullPlace place, choose_place(shelf_, request.to, wanted.release.id()));
  auto admitted = admit(request, wanted, place, tracker);
  if (!admitted.ok()) return named(std::move(admitted).error(), place);
  metainfo::CheckedMetainfo metainfo = std::move(admitted).value();
  say(Phase::admitted);
  PullReport report{wanted.release.id(), wanted.release->model, wanted.release->version, place.target, wanted.release->total_size()};
  if (!place.present) {
    Status filled = clean_up(fill(request, wanted, metainfo, place), wanted);
    if (!filled.ok()) return named(std::move(filled).error(), place);
  }
  count(report, metainfo.info_hash());
  // Also what was fetched: its files have their final name now, and are found by it.
  staging_.reset();
  SHOAL_CHECK(node_.contents().keep(wanted.release.id(), {std::move(metainfo), place.target, swarm::Mode::keep}));
  return report;
}

Error Puller::named(Error error, const PullPlace& place) const {
  return staging_ ? staging_->named(std::move(error), place.target) : error;
}

void Puller::say(Phase phase) const {
  if (on_phase) on_phase(phase);
}

/// Everything that can be refused is refused here, before the first byte of content.
Result<metainfo::CheckedMetainfo> Puller::admit(const PullRequest& request, const Wanted& wanted, const PullPlace& place,
                                                registry::Client& tracker) {
  SHOAL_CHECK(admit_formats(wanted.release, request.allow_code_formats));
  // It may have come with another consent than today's.
  if (place.present) SHOAL_CHECK(admit_content(wanted.release, place.target, request.allow_code_formats));
  else SHOAL_CHECK(check_not_refused(shelf_, wanted.release.id(), request.allow_code_formats));
  SHOAL_TRY(std::string bytes, tracker.metainfo(wanted.release.id(), wanted.release->swarm.metainfo_size));
  SHOAL_TRY(auto metainfo, metainfo::CheckedMetainfo::check(wanted.release, std::move(bytes)));
  if (!place.present) SHOAL_CHECK(prepare(wanted, place));
  SHOAL_CHECK(shelf_.save_manifest(wanted.release.id(), wanted.envelope, metainfo.bytes()));
  return metainfo;
}

Status Puller::prepare(const Wanted& wanted, const PullPlace& place) {
  SHOAL_TRY(staging_, Staging::open(place.incoming));
  std::error_code ignored;
  const bool is_new = fs::is_empty(staging_->root(), ignored);
  Status space = check_space(staging_->root(), staging_->path(), needs_of(*wanted.release));
  if (!space.ok() && is_new) staging_->discard();
  return space;
}

/// From another release on this machine with the same files, else from the swarm. While the same content is fetched for another release,
/// this one waits for that.
Status Puller::fill(const PullRequest& request, const Wanted& wanted, const metainfo::CheckedMetainfo& metainfo, const PullPlace& place) {
  while (true) {
    SHOAL_TRY(shared_, share(wanted, metainfo));
    if (shared_) return finish(request, wanted, place);
    Status fetched = fetch(request, wanted, metainfo, place);
    if (fetched.ok() || fetched.error().code != ErrorCode::conflict) return fetched;
    out_.progress({"waiting for another fetch of the same files: " + title(*wanted.release), 0, wanted.release->total_size(), 0, "", {}});
    if (!sleep_for(waiting_step, stop_)) return fail(ErrorCode::interrupted, "interrupted");
  }
}

/// False where no release here has these files, or its files are damaged.
Result<bool> Puller::share(const Wanted& wanted, const metainfo::CheckedMetainfo& metainfo) {
  const auto twin = find_twin(wanted.release);
  if (!twin) return false;
  SHOAL_CHECK(staging_->empty());
  for (const auto& file : wanted.release->files) {
    const Status linked = link_or_copy(shelf_.release(*twin) / file.path, staging_->root() / file.path);
    if (!linked.ok()) log::info("release_not_shared", {{"reason", linked.error().message}});
    if (!linked.ok()) return false;
  }
  say(Phase::fetching);
  const Status verified = check(wanted).verify(metainfo, staging_->root());
  if (verified.ok()) return true;
  if (verified.error().code == ErrorCode::interrupted) return verified.error();
  out_.message(verified.error().message + ": fetched instead");
  SHOAL_CHECK(staging_->empty());
  return false;
}

std::optional<ReleaseId> Puller::find_twin(const manifest::VerifiedRelease& release) const {
  const auto held = shelf_.held();
  if (!held.ok()) return std::nullopt;
  for (const ReleaseId& id : *held) {
    const auto other = shelf_.verified(*session_.verifier(), id);
    if (id != release.id() && other.ok() && (*other)->swarm.info_hash == release->swarm.info_hash) return id;
  }
  return std::nullopt;
}

Status Puller::fetch(const PullRequest& request, const Wanted& wanted, const metainfo::CheckedMetainfo& metainfo, const PullPlace& place) {
  const fs::path root = staging_->root();
  SHOAL_CHECK(shelf_.prepare_journal());
  fs::path journal = shelf_.journal(wanted.release.id());
  const bool resumed = fs::exists(journal);
  swarm::Content content{
      metainfo, root, swarm::Mode::fetch, journal, older_releases(*session_.verifier(), shelf_), {}, wanted.release->mirrors, place.target};
  content.deciding_first = !(wanted.release->allows_code && request.allow_code_formats);
  say(Phase::fetching);
  SHOAL_CHECK(node_.contents().fetch(wanted.release.id(), content));
  SHOAL_CHECK(await_judged(request, wanted, content));
  // Each piece was hashed in memory on its way to the disk. Only what an earlier run left there has lain on a disk unwatched.
  if (resumed) SHOAL_CHECK(fetch_what_decayed(wanted, content));
  SHOAL_CHECK(check(wanted).verify_unproved(metainfo, root));
  return finish(request, wanted, place);
}

/// The formats are judged as soon as the pieces that decide are there, and the fetch ends with a refusal. What is found good here is looked
/// at as a whole in the end (finish).
Status Puller::await_judged(const PullRequest& request, const Wanted& wanted, const swarm::Content& content) {
  if (!content.deciding_first) return await_completion(node_, wanted.release, out_, stop_);
  const InfoHash& id = content.metainfo.info_hash();
  FormatWatch watch(wanted.release->files, content.metainfo.layout(), content.root);
  SteadyTime looked = session_.clock().steady_now();
  bool settled = false;
  Status ended = await_completion(node_, wanted.release, out_, stop_, [&](bool decidable) -> Status {
    const SteadyTime now = session_.clock().steady_now();
    if (settled) return {};
    if (!decidable) node_.swarm().look_at_gate(id);
    if (!decidable && now - looked < early_look) return {};
    looked = now;
    SHOAL_TRY(auto found, watch.look(node_.swarm().pieces(id)));
    SHOAL_CHECK(judged(request, wanted, admit_findings(wanted.release, found, request.allow_code_formats)));
    settled = decidable || watch.done();
    if (settled) node_.swarm().open_gate(id);
    return {};
  });
  // At once: its pieces go on arriving until then.
  if (refused_) node_.contents().forget(wanted.release.id());
  return ended;
}

/// A refusal is remembered, and what was fetched is kept for the day on which the consent is another.
Status Puller::judged(const PullRequest& request, const Wanted& wanted, Status verdict) {
  if (verdict.ok() || verdict.error().code != ErrorCode::verification) return verdict;
  refused_ = true;
  Status noted = Refusals(shelf_.state()).note(wanted.release.id(), request.allow_code_formats, verdict.error().message);
  if (!noted.ok()) log::warn("refusal_not_saved", {{"release", wanted.release.id().hex()}, {"reason", noted.error().message}});
  return verdict;
}

/// The last that is done to the files before anybody sees them.
Status Puller::finish(const PullRequest& request, const Wanted& wanted, const PullPlace& place) {
  const fs::path root = staging_->root();
  SHOAL_CHECK(judged(request, wanted, admit_content(wanted.release, root, request.allow_code_formats)));
  SHOAL_CHECK(write_model_signature(wanted.release, root));
  say(Phase::verified);
  if (!place.fills) return staging_->show_at(place.target);
  // Its files get other names, which the swarm must not read meanwhile.
  const InfoHash& content = wanted.release->swarm.info_hash;
  count_earlier(content);
  node_.contents().forget(wanted.release.id());
  return staging_->show_in(place.target);
}

/// One piece that is wrong costs that piece, not the fetch.
Status Puller::fetch_what_decayed(const Wanted& wanted, const swarm::Content& content) {
  const auto& metainfo = content.metainfo;
  SHOAL_TRY(auto problems, check(wanted).wrong_pieces(metainfo, content.root));
  if (problems.empty()) return {};
  std::vector<bool> good(metainfo.layout().piece_count(), true);
  for (const auto& problem : problems)
    for (const auto piece : problem.pieces) good[piece] = false;
  out_.message(problems.front().path + " " + problems.front().problem + ": the pieces that are wrong are fetched again");
  count_earlier(metainfo.info_hash());
  node_.contents().forget(wanted.release.id());
  swarm::Content again = content;
  again.deciding_first = false;
  SHOAL_CHECK(swarm::remember(again, good));
  SHOAL_CHECK(node_.contents().fetch(wanted.release.id(), std::move(again)));
  SHOAL_CHECK(await_completion(node_, wanted.release, out_, stop_));
  return check(wanted).verify(metainfo, content.root);
}

/// What a failed fetch leaves: its files and the journal that knows which pieces are good, or nothing where a check failed or where
/// there was no space even to begin.
Status Puller::clean_up(Status outcome, const Wanted& wanted) {
  out_.progress_done();
  fs::path journal = shelf_.journal(wanted.release.id());
  std::error_code ignored;
  if (outcome.ok()) fs::remove(journal, ignored);  // it spoke of a directory that is no more
  if (outcome.ok() || refused_) return outcome;
  const bool full = outcome.error().code == ErrorCode::no_space;
  if (full && fs::exists(journal, ignored))
    return fail(ErrorCode::no_space, outcome.error().message + "; what was fetched is kept in " + staging_->path().string() +
                                         ": make room, or raise the quota or limit, and the same command goes on from there");
  if (!full && outcome.error().code != ErrorCode::verification) return outcome;
  fs::remove(journal, ignored);
  staging_->discard();
  return outcome;
}

/// The sequence becomes durable before the switch: after a crash between the two, an older pointer is refused already.
Status Puller::expose(const PullRequest& request, const Wanted& wanted) {
  if (wanted.pointer) SHOAL_CHECK(shelf_.record_seen(**wanted.pointer));
  if (request.to) return {};
  failpoint("node.before_switch");
  return shelf_.switch_to(request.reference, wanted.release.id());
}

void Puller::count(PullReport& report, const InfoHash& content) const {
  if (shared_) report.reused = report.bytes;
  if (shared_) return;
  const auto progress = node_.swarm().progress(content).value_or(swarm::Progress{});
  report.from_source = progress.from_source + earlier_.from_source;
  report.from_peers = progress.from_peers + earlier_.from_peers;
  report.from_mirrors = progress.from_mirrors + earlier_.from_mirrors;
  report.reused = progress.reused + earlier_.reused;
}

void Puller::count_earlier(const InfoHash& content) {
  const auto progress = node_.swarm().progress(content).value_or(swarm::Progress{});
  earlier_.from_source += progress.from_source;
  earlier_.from_peers += progress.from_peers;
  earlier_.from_mirrors += progress.from_mirrors;
  earlier_.reused += progress.reused;
}

}  // namespace shoal::node
