#include "publisher/channel_mover.hpp"

#include <algorithm>

#include "member/fleet_freshness.hpp"
#include "publisher/sequence_record.hpp"

namespace shoal::publisher {
namespace {

constexpr std::chrono::hours pointer_life{90 * 24};
// A pointer that says what is wanted is issued again when it would end sooner than this.
constexpr std::chrono::hours pointer_margin{30 * 24};

std::string title(const ModelName& model, const ChannelName& channel) { return "channel " + ChannelRef{model, channel}.str(); }

/// Whether a pointer that was refused only belongs to the time before the publishers' keys rotated.
bool is_of_earlier_epoch(const manifest::SignedEnvelope& envelope, std::uint64_t epoch) {
  auto pointer = manifest::decode_channel_pointer(envelope.payload);
  return pointer.ok() && pointer.value().epoch < epoch;
}

bool says_the_same(const manifest::ChannelPointer& pointer, const Move& move) {
  return pointer.release == move.release && pointer.rollout == move.rollout && pointer.rollback_of == move.rollback_of &&
         pointer.sequence >= move.least_sequence;
}

/// Above what the tracker has and above what was ever signed here: the tracker may have been restored from an old backup.
std::uint64_t next_sequence(const std::optional<manifest::ChannelPointer>& in_force, const manifest::SeenSequence& signed_here,
                            std::uint64_t epoch, std::uint64_t least) {
  std::uint64_t highest = in_force ? in_force->sequence : 0;
  if (signed_here.epoch == epoch) highest = std::max(highest, signed_here.sequence);
  return std::max(highest + 1, least);
}

/// A tracker that was restored from an old backup has a pointer that the nodes have left: to renew it would take them back. The sequence
/// above may have been signed here before for the same release, when the request got lost.
Status check_is_newest(const manifest::ChannelPointer& pointer, const SequenceRecord::Entry& signed_here) {
  const manifest::SeenSequence next{pointer.epoch, pointer.sequence + 1};
  if (signed_here.at < next || (signed_here.at == next && signed_here.release == pointer.release)) return {};
  return fail(ErrorCode::conflict, title(pointer.model, pointer.channel) + " is at sequence " + std::to_string(pointer.sequence) +
                                       " at the tracker, and this machine has signed " + std::to_string(signed_here.at.sequence) +
                                       ": set the channel again ('shoal channel set')");
}

/// The request is one that the tracker's version does not have.
bool is_unknown_to_tracker(const Status& answer) {
  return !answer.ok() && answer.error().message.find(http::no_such_path) != std::string::npos;
}

Error exhausted(const ModelName& model, const ChannelName& channel) {
  return fail(ErrorCode::conflict, title(model, channel) + " has the highest sequence that there is, which somebody gave it on " +
                                       "purpose: begin a new epoch, without the key that signed it ('shoal trust rotate --new-epoch')");
}

}  // namespace

Result<std::optional<manifest::ChannelPointer>> ChannelMover::in_force(const ModelName& model, const ChannelName& channel) {
  using Pointer = std::optional<manifest::ChannelPointer>;
  auto text = tracker_.channel(model, channel);
  if (!text.ok() && text.error().code == ErrorCode::not_found) return Pointer();
  if (!text.ok()) return std::move(text).error();
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(text.value(), manifest::channel_limit));
  // The time is left out of it: the next sequence follows an expired pointer, too. A root that has expired was refused before.
  auto verified = session_.verifier()->channel(envelope, model, channel, {}, WallTime{});
  if (verified.ok()) return Pointer(*verified.value());
  // Any pointer of the new epoch comes after all of the old one, so nothing that the tracker says is believed here.
  if (is_of_earlier_epoch(envelope, session_.verifier()->root().epoch)) return Pointer();
  return std::move(verified).error();
}

Result<bool> ChannelMover::is_halted(const manifest::ChannelPointer& pointer) {
  if (session_.verifier()->root().tracker_keys.empty()) return false;
  SHOAL_TRY(auto freshness, member::freshness_of(session_, tracker_, {manifest::place_of(pointer.model, pointer.channel)}));
  return member::is_halted(freshness, pointer);
}

Result<ChannelMover::Moved> ChannelMover::move(const ModelName& model, const ChannelName& channel, const Move& move) {
  WallTime now = session_.clock().now();
  std::uint64_t epoch = session_.verifier()->root().epoch;
  SequenceRecord record(session_.state());
  SHOAL_TRY(auto current, in_force(model, channel));
  SHOAL_TRY(auto signed_here, record.highest(model, channel));
  SHOAL_TRY(const std::uint64_t deleted, current ? Result<std::uint64_t>(0) : deleted_at(model, channel));
  std::uint64_t sequence = next_sequence(current, signed_here, epoch, std::max(move.least_sequence, deleted + 1));
  // One that the tracker lost a successor of is not what the nodes have seen last.
  bool is_newest = current && signed_here <= manifest::SeenSequence{epoch, current->sequence};
  if (is_newest && says_the_same(*current, move) && current->expires > now + pointer_margin) {
    SHOAL_TRY(const bool halted, is_halted(*current));
    if (!halted) return Moved{Outcome::already_there, current->sequence};
  }
  if (sequence > manifest::number_limit) return exhausted(model, channel);
  manifest::ChannelPointer next{model,       channel,     epoch, sequence, move.release, now, now + pointer_life, move.rollback_of,
                                move.reason, move.rollout};
  Status sound = manifest::check(next);
  if (!sound.ok()) return fail(ErrorCode::usage, sound.error().message);
  auto envelope = signer_.sign(manifest::channel_type, manifest::encode(next));
  SHOAL_TRY(auto verified, session_.verifier()->channel(envelope, model, channel, {}, now));
  // Before it is sent: whatever becomes of the answer, this sequence is never signed for something else.
  SHOAL_CHECK(record.note(model, channel, {{epoch, sequence}, move.release}));
  SHOAL_CHECK(tracker_.set_channel(model, channel, envelope.encode()).within(title(model, channel)));
  return Moved{Outcome::moved, sequence};
}

/// The sequence of the deletion of a channel that is not there; zero where there is none, or it is of an epoch that is over.
Result<std::uint64_t> ChannelMover::deleted_at(const ModelName& model, const ChannelName& channel) {
  auto text = tracker_.deletion(model, channel);
  if (!text.ok() && text.error().code == ErrorCode::not_found) return std::uint64_t{0};
  if (!text.ok()) return std::move(text).error();
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(*text, manifest::deletion_limit));
  auto deletion = session_.verifier()->deletion(envelope, model, channel);
  return deletion.ok() ? deletion->sequence : 0;
}

Result<std::uint64_t> ChannelMover::remove(const ModelName& model, const ChannelName& channel, const std::string& reason) {
  const std::uint64_t epoch = session_.verifier()->root().epoch;
  SequenceRecord record(session_.state());
  SHOAL_TRY(std::string pointer, tracker_.channel(model, channel));
  (void)pointer;  // that it is there is all: also one that does not verify any more can go
  auto current = in_force(model, channel);
  SHOAL_TRY(auto signed_here, record.highest(model, channel));
  const std::uint64_t sequence = next_sequence(current.ok() ? *current : std::nullopt, signed_here, epoch, 0);
  if (sequence > manifest::number_limit) return exhausted(model, channel);
  manifest::Deletion deletion{model, channel, epoch, sequence, reason, session_.clock().now()};
  Status sound = manifest::check(deletion);
  if (!sound.ok()) return fail(ErrorCode::usage, sound.error().message);
  auto envelope = signer_.sign(manifest::deletion_type, manifest::encode(deletion));
  SHOAL_CHECK(session_.verifier()->deletion(envelope, model, channel));
  // Before it is sent, like that of a move.
  SHOAL_CHECK(record.note(model, channel, {{epoch, sequence}, std::nullopt}));
  Status deleted = tracker_.delete_channel(model, channel, envelope.encode());
  if (is_unknown_to_tracker(deleted)) return fail("the tracker is of an earlier version, which deletes no channels: upgrade it");
  SHOAL_CHECK(std::move(deleted).within(title(model, channel)));
  return sequence;
}

Result<manifest::ChannelPointer> ChannelMover::renew(const manifest::ChannelPointer& in_force) {
  const WallTime now = session_.clock().now();
  SequenceRecord record(session_.state());
  SHOAL_TRY(auto signed_here, record.newest(in_force.model, in_force.channel));
  SHOAL_CHECK(check_is_newest(in_force, signed_here));
  if (in_force.sequence >= manifest::number_limit) return exhausted(in_force.model, in_force.channel);
  manifest::ChannelPointer next = in_force;
  next.sequence = in_force.sequence + 1;
  next.issued = now;
  next.expires = std::max(in_force.expires, now + pointer_life);
  auto envelope = signer_.sign(manifest::channel_type, manifest::encode(next));
  SHOAL_CHECK(session_.verifier()->channel(envelope, next.model, next.channel, {}, now));
  // Before it is sent, like that of a move.
  SHOAL_CHECK(record.note(next.model, next.channel, {{next.epoch, next.sequence}, next.release}));
  Status renewed = tracker_.renew_channel(next.model, next.channel, envelope.encode());
  if (is_unknown_to_tracker(renewed))
    return fail("the tracker is of an earlier version, which renews no pointers: upgrade it, or use 'shoal channel set'");
  SHOAL_CHECK(std::move(renewed).within(title(next.model, next.channel)));
  return next;
}

std::optional<manifest::Rollout> rollout_for(const RolloutWish& wish, const ReleaseId& release,
                                             const std::optional<manifest::ChannelPointer>& in_force) {
  bool stays = in_force && in_force->release == release;
  const manifest::Rollout* before = in_force && in_force->rollout ? &*in_force->rollout : nullptr;
  manifest::Rollout rollout;
  rollout.percent = wish.percent.value_or(100);
  rollout.halt_percent = wish.halt_percent.value_or(stays && before != nullptr ? before->halt_percent : 0);
  if (rollout.percent == 100 && rollout.halt_percent == 0) return std::nullopt;
  rollout.salt = !wish.salt.empty() ? wish.salt : stays && before != nullptr ? before->salt : release.hex();
  if (before != nullptr && before->otherwise) rollout.otherwise = before->otherwise;
  else if (in_force && !stays) rollout.otherwise = in_force->release;
  if (rollout.otherwise == release) rollout.otherwise.reset();
  return rollout;
}

}  // namespace shoal::publisher
