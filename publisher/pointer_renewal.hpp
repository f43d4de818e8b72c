// A running seeder that holds a publisher's key keeps the fleet's channel pointers from running out.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <thread>

#include "base/guarded.hpp"
#include "cli/output.hpp"
#include "member/member_session.hpp"
#include "metrics/page.hpp"
#include "publisher/sequence_record.hpp"
#include "publisher/signer.hpp"

namespace shoal::publisher {

/// When a pointer is to be renewed: at two thirds of its life (after 60 of 90 days). `early`, from 0 to 1, brings that forward by up to an
/// eighteenth of its life (5 days), so that several seeders, or the pointers of one day, do not all come at once.
WallTime renewal_time(const manifest::ChannelPointer& pointer, double early);

/// Renews what its keys may sign for. Owns a thread; a tracker that cannot be reached is asked again.
class PointerRenewal {
 public:
  /// Of one turn, those that end first. What is left comes with the next turn.
  static constexpr std::size_t most_at_once = 50;
  static constexpr std::chrono::hours longest_rest{6};
  static constexpr std::chrono::minutes rest_with_work_left{15}, rest_after_failure{1}, shortest_rest{10};

  struct Turn {
    std::size_t renewed = 0, failed = 0, left = 0;
    WallTime next;  // when to look again
  };

  /// `session` and `out` must outlive it.
  PointerRenewal(member::MemberSession& session, Signer signer, cli::Output& out);
  ~PointerRenewal();
  /// Begins; the first turn comes at once.
  void start();
  /// Looks through the fleet's channels once. For the thread, and for tests.
  Result<Turn> turn(registry::Client& tracker);
  /// Thread-safe.
  void describe(metrics::Page& page) const;

 private:
  struct Due {
    manifest::ChannelPointer pointer;
    WallTime at;
  };
  void run(const std::stop_token& stop);
  WallTime look(registry::Client& tracker);
  Result<std::vector<Due>> pointers(registry::Client& tracker) const;
  double early(const manifest::ChannelPointer& pointer) const;
  Status note_seen(const manifest::ChannelPointer& pointer) const;
  bool renew(registry::Client& tracker, manifest::ChannelPointer& pointer);
  void warn_of_root(WallTime until, WallTime now);
  void tell(const manifest::ChannelPointer& renewed);
  void complain(const std::string& about, const std::string& problem);
  void rest_until(WallTime next, const std::stop_token& stop) const;

  member::MemberSession& session_;
  const Signer signer_;
  cli::Output& out_;
  const SequenceRecord seen_;
  const std::string salt_;                   // of this process
  std::map<std::string, std::string> told_;  // what was said of a channel that could not be renewed
  WallTime warned_{};                        // when the end of the trust root was
  std::atomic<std::uint64_t> renewed_{0};
  std::atomic<std::size_t> overdue_{0};       // after the last turn
  Guarded<std::optional<WallTime>> soonest_;  // when the first of the pointers ends
  std::jthread thread_;
};

}  // namespace shoal::publisher
