#include "member/fleet_freshness.hpp"

#include <algorithm>

namespace shoal::member {
namespace {

using manifest::ChannelPlace;

/// The first of those that nothing in `view` speaks of, one for each shard if there are as many shards as in the last statement.
std::vector<ChannelPlace> next_places(const std::vector<ChannelPlace>& missing, const FreshnessView& view) {
  const std::uint32_t count = view.empty() ? 1 : view.back()->shard.count;
  std::vector<ChannelPlace> asked;
  for (ChannelPlace place : missing) {
    if (asked.size() == registry::most_places) break;
    const manifest::Shard shard = manifest::shard_of(place, count);
    if (std::none_of(asked.begin(), asked.end(), [&](ChannelPlace other) { return shard.holds(other); })) asked.push_back(place);
  }
  return asked;
}

Status add_statements(const MemberSession& session, const std::vector<std::string>& texts, FreshnessView& view) {
  for (const std::string& text : texts) {
    SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(text, manifest::freshness_limit));
    SHOAL_TRY(auto statement, session.verifier()->freshness(envelope, session.clock().now()));
    view.push_back(std::move(statement));
  }
  return {};
}

}  // namespace

Result<FreshnessView> freshness_of(const MemberSession& session, registry::Client& tracker, std::vector<ChannelPlace> places) {
  FreshnessView view;
  while (!places.empty()) {
    SHOAL_TRY(auto texts, tracker.freshness(next_places(places, view), 0, {}));
    SHOAL_CHECK(add_statements(session, texts, view));
    const std::size_t covered = std::erase_if(places, [&](ChannelPlace place) {
      return std::any_of(view.begin(), view.end(), [&](const auto& statement) { return statement->shard.holds(place); });
    });
    if (covered == 0) return fail(ErrorCode::verification, "the tracker states the freshness of other channels than it was asked for");
  }
  return view;
}

Result<FreshnessView> freshness_of_all(const MemberSession& session, registry::Client& tracker) {
  SHOAL_TRY(auto first, freshness_of(session, tracker, {0}));
  const std::uint32_t count = first.back()->shard.count;
  if (count == 1) return first;
  std::vector<ChannelPlace> places;
  for (std::uint32_t index = 0; index < count; ++index) places.push_back(manifest::Shard{index, count}.first_place());
  return freshness_of(session, tracker, std::move(places));
}

const manifest::ChannelState* find(const FreshnessView& view, const ModelName& model, const ChannelName& channel) {
  for (const auto& statement : view)
    if (statement->speaks_of(model, channel)) return statement->find(model, channel);
  return nullptr;
}

bool is_halted(const manifest::ChannelState* state, const manifest::ChannelPointer& pointer) {
  return state != nullptr && state->halted && state->epoch == pointer.epoch && state->sequence == pointer.sequence;
}

bool is_halted(const FreshnessView& view, const manifest::ChannelPointer& pointer) {
  return is_halted(find(view, pointer.model, pointer.channel), pointer);
}

}  // namespace shoal::member
