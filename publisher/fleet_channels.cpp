#include "publisher/fleet_channels.hpp"

#include <set>

#include "member/fleet_freshness.hpp"

namespace shoal::publisher {
namespace {

Result<std::set<ModelName>> models_by_statement(const member::MemberSession& session, registry::Client& tracker) {
  SHOAL_TRY(auto freshness, member::freshness_of_all(session, tracker));
  std::set<ModelName> models;
  for (const auto& statement : freshness)
    for (const manifest::ChannelState& state : statement->channels) models.insert(state.model);
  return models;
}

Result<std::set<ModelName>> models_by_release(registry::Client& tracker) {
  SHOAL_TRY(auto status, tracker.status());
  std::set<ModelName> models;
  for (const registry::SwarmRow& row : status.swarms) models.insert(row.model);
  return models;
}

Result<manifest::ChannelPointer> verified(const manifest::Verifier& verifier, const ModelName& model, const registry::ChannelRow& row) {
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(row.envelope, manifest::channel_limit));
  // The time is left out of it: what has expired is what this is for.
  SHOAL_TRY(auto pointer, verifier.channel(envelope, model, row.channel, {}, WallTime{}));
  return *pointer;
}

}  // namespace

Result<std::vector<ModelName>> models_with_channels(const member::MemberSession& session, registry::Client& tracker) {
  const bool statements = !session.verifier()->root().tracker_keys.empty();
  SHOAL_TRY(auto models, statements ? models_by_statement(session, tracker) : models_by_release(tracker));
  return std::vector<ModelName>(models.begin(), models.end());
}

Result<std::vector<ListedChannel>> channels_of(const member::MemberSession& session, registry::Client& tracker, const ModelName& model) {
  SHOAL_TRY(auto rows, tracker.channels(model));
  const auto verifier = session.verifier();
  std::vector<ListedChannel> channels;
  for (const registry::ChannelRow& row : rows) channels.push_back({row.channel, verified(*verifier, model, row), row.version});
  return channels;
}

}  // namespace shoal::publisher
