// Points a channel at a release: a signed pointer, one sequence above the one in force.
#pragma once

#include "seeder/signer.hpp"
#include "swarm/member_session.hpp"

namespace shoal::seeder {

class ChannelMover {
 public:
  /// Uses `tracker` on the caller's thread.
  ChannelMover(const swarm::MemberSession& session, registry::Client& tracker, const Signer& signer)
      : session_(session), tracker_(tracker), signer_(signer) {}

  enum class Outcome { moved, already_there };
  /// Errors: `verification` where the pointer in force does not verify, `conflict` where somebody else moved the channel
  /// meanwhile, and the tracker's.
  Result<Outcome> move(const ModelName& model, const ChannelName& channel, const ReleaseId& release);

 private:
  Result<std::optional<manifest::ChannelPointer>> in_force(const ModelName& model, const ChannelName& channel);
  const swarm::MemberSession& session_;
  registry::Client& tracker_;
  const Signer& signer_;
};

}  // namespace shoal::seeder
