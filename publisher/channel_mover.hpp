// Points a channel at a release: a signed pointer, one sequence above any that is known.
#pragma once

#include "member/member_session.hpp"
#include "publisher/signer.hpp"

namespace shoal::publisher {

/// What the next pointer says.
struct Move {
  ReleaseId release;
  std::optional<manifest::Rollout> rollout = {};  // none: for all nodes
  std::optional<ReleaseId> rollback_of = {};
  std::string reason = "";
  std::uint64_t least_sequence = 0;  // for a publisher that lost its state
};

/// What `channel set` asks of a rollout; what is not said comes from the pointer in force or a default.
struct RolloutWish {
  std::optional<std::uint32_t> percent;
  std::optional<std::uint32_t> halt_percent;
  std::string salt;
};
/// None where all nodes go at once and nothing halts. While the release stays, so do its salt (and with it who goes first), its halt and
/// what the others fall back on; a new release falls back on the one before it, or on what that one fell back on.
std::optional<manifest::Rollout> rollout_for(const RolloutWish& wish, const ReleaseId& release,
                                             const std::optional<manifest::ChannelPointer>& in_force);

class ChannelMover {
 public:
  /// Uses `tracker` on the caller's thread.
  ChannelMover(const member::MemberSession& session, registry::Client& tracker, const Signer& signer)
      : session_(session), tracker_(tracker), signer_(signer) {}

  enum class Outcome { moved, already_there };
  struct Moved {
    Outcome outcome = Outcome::moved;
    std::uint64_t sequence = 0;  // of the pointer that is in force now
  };
  /// The verified pointer that the tracker has; expired ones count, those of an epoch that is over do not.
  Result<std::optional<manifest::ChannelPointer>> in_force(const ModelName& model, const ChannelName& channel);
  /// Whether the tracker has halted the rollout of this pointer, by its freshness statement. A fleet without statements halts none.
  Result<bool> is_halted(const manifest::ChannelPointer& pointer);
  /// Also a halted pointer is issued anew, which lets it go on. Errors: `verification` where the pointer in force does not verify,
  /// `conflict` where somebody else moved the channel meanwhile, and the tracker's.
  Result<Moved> move(const ModelName& model, const ChannelName& channel, const Move& move);
  /// Signs what `in_force` says for another 90 days, exactly one sequence above it; nothing else changes, and a halted rollout stays
  /// halted. `conflict` where another pointer is in force meanwhile, or this machine has signed a later one. Returns the pointer that is in
  /// force then.
  Result<manifest::ChannelPointer> renew(const manifest::ChannelPointer& in_force);
  /// Takes the channel away, one sequence above any that is known. `not_found` where it is not there. Returns the deletion's sequence.
  Result<std::uint64_t> remove(const ModelName& model, const ChannelName& channel, const std::string& reason);

 private:
  Result<std::uint64_t> deleted_at(const ModelName& model, const ChannelName& channel);

  const member::MemberSession& session_;
  registry::Client& tracker_;
  const Signer& signer_;
};

}  // namespace shoal::publisher
