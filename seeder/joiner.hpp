// Serves releases that others published: finds the same files here, holds them against the signed release, and remembers them as a source.
#pragma once

#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "cli/output.hpp"
#include "manifest/trust.hpp"
#include "seeder/sources.hpp"
#include "swarm/member_session.hpp"

namespace shoal::seeder {

/// What `shoal seed --join` asks for.
struct JoinRule {
  fs::path directory;  // absolute
  ModelName model;
  VersionName version;
  std::string title() const { return model.str() + "@" + version.str(); }
  /// "/mnt/nas2/llama=acme/llama@1.0"; code `usage` for what it cannot be.
  static Result<JoinRule> parse(const std::string& text);
};

struct JoinReport {
  ReleaseId id;
  bool hashed = false;  // false: the record of an earlier join still holds, and nothing was read
};

/// One release, once. Every byte of it is read once and nothing is written below the directory; files that the release does not name do
/// not matter. Errors: `verification` with the first file that differs; `failed` where files change meanwhile or cannot be read;
/// `not_found`; `interrupted`; and the tracker's. Blocks; one thread.
Result<JoinReport> join_release(const JoinRule& rule, swarm::MemberSession& session, registry::Client& tracker, cli::Output& out,
                                const std::stop_token& stop);
/// The part of it behind the tracker's answer.
Result<JoinReport> join_verified(const JoinRule& rule, const manifest::VerifiedRelease& release, const std::string& envelope,
                                 std::string metainfo, const Sources& sources, cli::Output& out, const std::stop_token& stop);

/// Joins all rules on a thread of its own, so that what is known already is served meanwhile. What cannot be joined is said once and tried
/// again until it can: the share may not be mounted yet, the release may not be published yet.
class Joiner {
 public:
  /// `session` and `out` must outlive it.
  Joiner(std::vector<JoinRule> rules, swarm::MemberSession& session, cli::Output& out);

 private:
  void run(std::vector<JoinRule> rules, const std::stop_token& stop);
  bool attempt(const JoinRule& rule, registry::Client& tracker, std::string& told, const std::stop_token& stop);

  swarm::MemberSession& session_;
  cli::Output& out_;
  std::jthread thread_;
};

}  // namespace shoal::seeder
