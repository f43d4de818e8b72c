// Tells the tracker how this node stands: soon after a change, and every half minute.
#pragma once

#include <condition_variable>
#include <thread>

#include "swarm/member_session.hpp"

namespace shoal::node {

/// Owns a thread. A tracker that cannot be reached is told later; nothing depends on it.
class Reporter {
 public:
  explicit Reporter(swarm::MemberSession& session);
  ~Reporter();
  /// What is said from now on. Thread-safe.
  void update(registry::NodeReport report);

 private:
  void run(const std::stop_token& stop);
  void note_told(const registry::NodeReport& report);
  std::stop_source ending_;
  std::unique_ptr<registry::Client> client_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  registry::NodeReport report_;
  std::string told_;  // in the form in which it was said last
  std::jthread thread_;
};

}  // namespace shoal::node
