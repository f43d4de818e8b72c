// One directory that is to serve a release of somebody else: found, held against the signed release, remembered as a source. Internal to
// the joiner.
#pragma once

#include <array>
#include <atomic>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "cli/output.hpp"
#include "manifest/trust.hpp"
#include "member/member_session.hpp"
#include "metainfo/metainfo.hpp"
#include "publisher/sources.hpp"
#include "seeder/hash_turns.hpp"
#include "seeder/heartbeat.hpp"
#include "seeder/join_rule.hpp"
#include "store/hash_tree.hpp"
#include "store/read_rate.hpp"

namespace shoal::seeder {

enum class JoinState { waiting, hashing, joined, refused };
inline constexpr std::array join_state_names{"waiting", "hashing", "joined", "refused"};

struct JoinReport {
  ReleaseId id;
  bool hashed = false;  // false: the record of an earlier join still holds, and nothing was read
};

/// What all of them share.
struct JoinTools {
  std::shared_ptr<store::ReadRate> rate = {};  // of hashing; none: as fast as it goes
  std::shared_ptr<HashTurns> turns = {};       // none: at once
};

/// One thread unless noted.
class JoinedDirectory {
 public:
  JoinedDirectory(JoinRule rule, JoinTools tools, member::MemberSession& session, registry::Client& tracker, cli::Output& out,
                  std::stop_token stop);

  /// Until it has joined, or `stop`.
  void run();
  /// Tries once, for `run` and for tests. Every byte is read once at most and nothing is written below the directory; files that the
  /// release does not name do not matter. Content that was refused is not read again before the size, time or inode of one of its files
  /// changed or some hours went by. Errors: `verification` with the first file that differs; `failed` where files change meanwhile or
  /// cannot be read; `not_found`; `interrupted`; and the tracker's.
  Result<JoinReport> attempt();

  JoinState state() const { return state_; }  // thread-safe
  /// For the monitor's thread: says once that the directory hangs, and once that it answers again.
  void check_answers(std::chrono::milliseconds patience);

 private:
  using Stamps = std::vector<std::pair<std::string, store::FileStamp>>;
  /// Files that were not the release's.
  struct Refusal {
    Stamps files;
    Error error;
    SteadyTime hash_again;
  };

  void beat() { heart_.beat(session_.clock().steady_now()); }
  bool still_refused();
  Result<JoinReport> join();
  Result<JoinReport> join_verified(const manifest::VerifiedRelease& release, const std::string& envelope, std::string metainfo);
  bool is_known(const manifest::VerifiedRelease& release);
  Result<Stamps> stamps_of(const manifest::Release& release);
  Status wait_for_turn();
  Result<store::TreeHashes> hash(const store::Layout& layout);
  Status check_same(const manifest::Release& release, const std::vector<Sha256>& hashes) const;
  void say_joined(const JoinReport& report);
  void say_not(const std::string& problem);
  Json line(const char* type) const;

  const JoinRule rule_;
  const JoinTools tools_;
  member::MemberSession& session_;
  registry::Client& tracker_;
  cli::Output& out_;
  const std::stop_token stop_;
  const publisher::Sources sources_;
  std::optional<Refusal> refusal_;
  std::string told_;
  Heartbeat heart_;
  std::atomic<JoinState> state_{JoinState::waiting};
};

/// Between attempts, after so many that failed for the same reason.
std::chrono::milliseconds pause_before_joining_again(unsigned failures);

}  // namespace shoal::seeder
