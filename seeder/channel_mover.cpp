#include "seeder/channel_mover.hpp"

namespace shoal::seeder {
namespace {

constexpr std::chrono::hours pointer_life{90 * 24};
// A pointer that says what is wanted is issued again when it would end sooner than this.
constexpr std::chrono::hours pointer_margin{30 * 24};

/// Whether a pointer that was refused only belongs to the time before the publishers' keys rotated.
bool is_of_earlier_epoch(const manifest::SignedEnvelope& envelope, std::uint64_t epoch) {
  auto pointer = manifest::decode_channel_pointer(envelope.payload);
  return pointer.ok() && pointer.value().epoch < epoch;
}

manifest::ChannelPointer next_pointer(const std::optional<manifest::ChannelPointer>& now_in_force, std::uint64_t epoch, WallTime now) {
  manifest::ChannelPointer next;
  next.epoch = epoch;
  next.sequence = now_in_force ? now_in_force->sequence + 1 : 1;
  next.issued = now;
  next.expires = now + pointer_life;
  return next;
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

Result<ChannelMover::Outcome> ChannelMover::move(const ModelName& model, const ChannelName& channel, const ReleaseId& release) {
  WallTime now = session_.clock().now();
  SHOAL_TRY(auto current, in_force(model, channel));
  if (current && current->release == release && current->expires > now + pointer_margin) return Outcome::already_there;
  manifest::ChannelPointer next = next_pointer(current, session_.verifier()->root().epoch, now);
  next.model = model;
  next.channel = channel;
  next.release = release;
  auto envelope = signer_.sign(manifest::channel_type, manifest::encode(next));
  SHOAL_TRY(auto verified, session_.verifier()->channel(envelope, model, channel, {}, now));
  SHOAL_CHECK(tracker_.set_channel(model, channel, envelope.encode()).within("channel " + model.str() + ":" + channel.str()));
  return Outcome::moved;
}

}  // namespace shoal::seeder
