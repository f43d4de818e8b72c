// One fetch: admitted, fetched, verified, durable, visible. The order is the promise: nothing unverified is ever visible.
#pragma once

#include <functional>
#include <optional>

#include "cli/output.hpp"
#include "node/fetch_progress.hpp"
#include "node/file_check.hpp"
#include "node/lifecycle.hpp"
#include "node/node.hpp"
#include "node/pull_place.hpp"
#include "node/resolver.hpp"
#include "node/staging.hpp"

namespace shoal::node {

struct PullRequest {
  Reference reference;
  std::optional<fs::path> to;       // a directory of the user's instead of releases/<id>
  bool allow_code_formats = false;  // node/admission.hpp
};

struct PullReport {
  ReleaseId id;
  ModelName model;
  VersionName version;
  VersionRef ref() const { return {model, version}; }
  fs::path path;  // where the files are now
  ByteCount bytes = 0;
  ByteCount from_source = 0, from_peers = 0, from_mirrors = 0;
  ByteCount reused = 0;  // copied from releases that were here before
  std::chrono::milliseconds took{};
  fs::path link = {};  // what a program opens: it stays when the channel moves on; empty with `to`
};

/// Fetches with a running node. One thread; call pull() once. After it the content is still served to peers for as long as the
/// node and this object live.
class Puller {
 public:
  Puller(member::MemberSession& session, Shelf& shelf, Node& node, cli::Output& out, std::stop_token stop);

  /// Errors: those of Resolver; `no_space` before the first byte or during the fetch; `verification`; `usage` where `to` is
  /// taken; `interrupted`, which keeps what was fetched.
  /// `tracker` is asked for the metainfo.
  Result<PullReport> pull(const PullRequest& request, const Wanted& wanted, registry::Client& tracker);
  /// All of pull() but the last step: the files are durable and served, and no link points at them yet.
  Result<PullReport> bring(const PullRequest& request, const Wanted& wanted, registry::Client& tracker);
  /// Told how far the release is (admitted, fetching, verified), on the thread that pulls.
  std::function<void(Phase)> on_phase;

 private:
  Result<metainfo::CheckedMetainfo> admit(const PullRequest& request, const Wanted& wanted, const PullPlace& place,
                                          registry::Client& tracker);
  Status fetch(const PullRequest& request, const Wanted& wanted, const metainfo::CheckedMetainfo& metainfo, const PullPlace& place);
  Status await_judged(const PullRequest& request, const Wanted& wanted, const swarm::Content& content);
  Status finish(const PullRequest& request, const Wanted& wanted, const PullPlace& place);
  Status judged(const PullRequest& request, const Wanted& wanted, Status verdict);
  Status fetch_what_decayed(const Wanted& wanted, const swarm::Content& content);
  Status fill(const PullRequest& request, const Wanted& wanted, const metainfo::CheckedMetainfo& metainfo, const PullPlace& place);
  Result<bool> share(const Wanted& wanted, const metainfo::CheckedMetainfo& metainfo);
  std::optional<ReleaseId> find_twin(const manifest::VerifiedRelease& release) const;
  FileCheck check(const Wanted& wanted) const { return {wanted.release, out_, stop_}; }
  void say(Phase phase) const;
  Status expose(const PullRequest& request, const Wanted& wanted);
  Status prepare(const Wanted& wanted, const PullPlace& place);
  Status clean_up(Status outcome, const Wanted& wanted);
  void count(PullReport& report, const InfoHash& content) const;
  /// Before the content leaves the swarm.
  void count_earlier(const InfoHash& content);
  Error named(Error error, const PullPlace& place) const;

  member::MemberSession& session_;
  Shelf& shelf_;
  Node& node_;
  cli::Output& out_;
  std::stop_token stop_;
  bool refused_ = false;            // because of its content; then what was fetched is kept
  bool shared_ = false;             // the files are those of another release on this machine
  swarm::Progress earlier_;         // what was counted before the content was added anew
  std::optional<Staging> staging_;  // the directory being filled
};

/// Why a release is not fetched again: its content was refused before, with the same consent. Code `verification`.
Status check_not_refused(const Shelf& shelf, const ReleaseId& release, bool node_allows);

/// What is on the shelf and may share pieces with what is wanted; what does not verify any more is left out.
std::vector<swarm::OlderRelease> older_releases(const manifest::Verifier& verifier, const Shelf& shelf);

}  // namespace shoal::node
