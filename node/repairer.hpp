// Puts a damaged release right: what is still good is copied, what is wrong is fetched from the swarm, and each damaged file is then
// replaced in one rename. Nothing is written into a file that is visible, which others may have open or share by a hard link.
#pragma once

#include "node/node.hpp"
#include "node/verification.hpp"

namespace shoal::node {

/// One thread. The process must own the state directory.
class Repairer {
 public:
  Repairer(member::MemberSession& session, Node& node, cli::Output& out, std::stop_token stop)
      : session_(session), shelf_(session.state()), node_(node), out_(out), stop_(std::move(stop)) {}

  /// The node must not serve the release meanwhile. Errors: `no_space` (a damaged file needs its size once more meanwhile), `interrupted`,
  /// `verification` where even the new file is not as signed. After an error every file is either as it was or right.
  Status repair(const Examined& damaged);

 private:
  Status stage(const Examined& damaged, const swarm::Content& content);
  Status fetch(const Examined& damaged, const swarm::Content& content);
  Status replace(const Examined& damaged, const fs::path& staged);
  void report(const Examined& damaged, const swarm::Progress& progress);

  member::MemberSession& session_;
  const Shelf shelf_;
  Node& node_;
  cli::Output& out_;
  const std::stop_token stop_;
};

}  // namespace shoal::node
