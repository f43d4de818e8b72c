// `shoal models`: the models of the fleet, their versions and channels, and the machines that have them.
#pragma once

#include <optional>
#include <stop_token>

#include "cli/output.hpp"
#include "member/member_session.hpp"

namespace shoal::node {

/// One version of a model, as the tracker and the nodes' reports show it.
struct VersionView {
  VersionName version;
  ReleaseId id;
  ByteCount size = 0;
  WallTime created;
  std::uint32_t complete = 0;         // machines that have all of it and announce it
  std::uint32_t fetching = 0;         // machines that announce it and lack pieces
  std::vector<std::string> channels;  // that point at it
  std::vector<std::string> running;   // nodes that run it, by name or id
};

struct ModelView {
  ModelName model;
  std::vector<VersionView> versions;  // newest first
};

/// Puts together what the tracker lists; pure. `versions` and `channels` are those of `model`.
ModelView model_view(const ModelName& model, const std::vector<registry::VersionRow>& versions,
                     const std::vector<registry::ChannelRow>& channels, const registry::FleetStatus& fleet,
                     const std::vector<registry::NodeRow>& nodes);

/// One line a model.
std::string models_table(const std::vector<ModelView>& models);
/// One line a version. `formats` has the format of each version, in their order.
std::string versions_table(const ModelView& model, const std::vector<std::string>& formats);

/// All models, or the versions of one: `not_found` where the fleet does not have it.
Status show_models(member::MemberSession& session, const std::optional<ModelName>& model, cli::Output& out, const std::stop_token& stop);

}  // namespace shoal::node
