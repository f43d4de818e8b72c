// Tells the tracker how a single `shoal pull` goes, for those who watch the fleet.
#pragma once

#include <thread>

#include "node/node.hpp"
#include "node/reporter.hpp"

namespace shoal::node {

/// Owns a thread. The fetch does not depend on it. `session` and `node` must outlive it.
class PullReporter {
 public:
  PullReporter(member::MemberSession& session, Node& node, ReleaseId release, InfoHash content, std::string software);
  ~PullReporter();
  /// Sends the last report, that the fetch is complete, before the process may end.
  void complete();

 private:
  void look();
  member::MemberSession& session_;
  Node& node_;
  const ReleaseId release_;
  const InfoHash content_;
  const std::string software_;
  Reporter reporter_;
  std::jthread thread_;
};

}  // namespace shoal::node
