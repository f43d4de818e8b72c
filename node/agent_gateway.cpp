// How an Agent serves its gateway: what the gateway fetches is an order beside those of `shoal pull`.
#include <algorithm>

#include "node/agent.hpp"

namespace shoal::node {

Status Agent::open_gateway() {
  if (options_.gateway.host.empty()) return {};
  library_ = std::make_unique<ModelLibrary>(session_, shelf_, clock_, library_means());
  SHOAL_TRY(gateway_, gateway::Gateway::start({options_.gateway}, *library_, session_.clock()));
  return {};
}

std::string Agent::gateway() const {
  return gateway_ ? "http://" + HostPort{options_.gateway.host, gateway_->port()}.str() : std::string();
}

ModelLibrary::Means Agent::library_means() {
  ModelLibrary::Means means;
  means.is_followed = [this](const ModelName& model, const ChannelName& channel) {
    return view_.with([&](const AgentView& view) {
      const auto is_it = [&](const ChannelView& each) { return each.key == ChannelKey{model, channel}; };
      return std::any_of(view.channels.begin(), view.channels.end(), is_it);
    });
  };
  means.fetch = [this](const Reference& reference, const Wanted& wanted, const std::stop_token& stop) {
    return fetch_for_gateway(reference, wanted, stop);
  };
  means.pieces = [this](const InfoHash& content) { return node_->swarm().pieces(content); };
  means.hurry = [this](const InfoHash& content, const std::vector<std::uint32_t>& pieces) { node_->swarm().hurry(content, pieces); };
  means.allow_code_formats = options_.allow_code_formats;
  return means;
}

/// Goes on when the client has left: whoever asked once most likely asks again.
Status Agent::fetch_for_gateway(const Reference& reference, const Wanted& wanted, const std::stop_token& stop) {
  const auto placed = orders_.place({reference, wanted.release.id(), wanted.release->version, options_.allow_code_formats});
  SHOAL_CHECK(bring(
      wanted, options_.allow_code_formats, *placed->news, [](const Json&) {}, stop));
  SHOAL_CHECK(on_loop<bool>([this, reference, wanted] { return show_pulled(reference, wanted); }, patience()));
  return {};
}

}  // namespace shoal::node
