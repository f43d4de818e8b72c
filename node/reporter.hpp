// Tells the tracker how this node stands: soon after a change, and every half minute.
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

 private:
  void run(const std::stop_token& stop);
  void note_told(const registry::NodeReport& report);
  std::stop_source ending_;
  std::unique_ptr<registry::Client> client_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  registry::NodeReport report_;
  std::string told_;  // the lasting part of the last report that the tracker took
  std::jthread thread_;
};

/// A report without the numbers that move all the time: it is sent again as soon as this differs, since progress alone is no news. Pure.
std::string lasting_part(registry::NodeReport report);

}  // namespace shoal::node
