// The channels of the whole fleet, as a publisher sees them.
#pragma once

#include <vector>

#include "member/member_session.hpp"

namespace shoal::publisher {

/// What a channel points at now, whatever its age.
struct ListedChannel {
  ChannelName channel;
  Result<manifest::ChannelPointer>
      pointer;          // `verification` where it was signed by others than the publishers of today, or for an earlier epoch
  std::string version;  // as the tracker calls it, for showing
};

/// By the tracker's freshness statements; where the fleet has none, by its releases. Sorted.
Result<std::vector<ModelName>> models_with_channels(const member::MemberSession& session, registry::Client& tracker);
Result<std::vector<ListedChannel>> channels_of(const member::MemberSession& session, registry::Client& tracker, const ModelName& model);

}  // namespace shoal::publisher
