// Tells the tracker how this node stands: soon after a change, every half minute, and more often while something is fetched, if the tracker
// asks for it.
#pragma once

#include <condition_variable>
#include <thread>

#include "member/member_session.hpp"

namespace shoal::node {

/// Owns a thread. A tracker that cannot be reached is told later; nothing depends on it.
class Reporter {
 public:
  explicit Reporter(member::MemberSession& session);
  ~Reporter();
  /// Replaces the report that is sent from now on. Thread-safe.
  void update(registry::NodeReport report);
  /// Waits until the tracker knows all that lasts of the report, or does not answer.
  void settle(std::chrono::milliseconds patience);

 private:
  void run(const std::stop_token& stop);
  void note(const registry::NodeReport& report, const Result<registry::ReportReply>& told);
  std::chrono::seconds pause() const;
  const std::uint64_t run_;
  std::stop_source ending_;
  std::unique_ptr<registry::Client> client_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  registry::NodeReport report_;
  std::string told_;                 // the lasting part of the last report that the tracker took
  std::chrono::seconds wanted_{30};  // by the tracker, between two reports while something is fetched
  bool failed_ = false;              // the last one
  std::jthread thread_;
};

/// A report without the numbers that move all the time: it is sent again as soon as this differs, since progress alone is no news. Pure.
std::string lasting_part(registry::NodeReport report);

}  // namespace shoal::node
