#include "node/models_view.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/wording.hpp"
#include "cli/table.hpp"
#include "member/trust_chain.hpp"
#include "registry/machine_name.hpp"

namespace shoal::node {
namespace {

constexpr std::size_t most_named = 4;  // machines in one line

std::string or_dash(std::string text) { return text.empty() ? "-" : text; }

std::vector<std::string> channels_at(const std::vector<registry::ChannelRow>& channels, const VersionName& version) {
  std::vector<std::string> found;
  for (const registry::ChannelRow& row : channels)
    if (row.version == version.str()) found.push_back(row.channel.str());
  return found;
}

std::vector<std::string> nodes_running(const std::vector<registry::NodeRow>& nodes, const ReleaseId& release) {
  std::vector<std::string> found;
  for (const registry::NodeRow& node : nodes) {
    const auto& rows = node.report.subscriptions;
    const bool runs = std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.active == release; });
    if (runs && !node.machine.revoked) found.push_back(registry::name_or_id(node.machine));
  }
  return found;
}

std::string channels_text(const ModelView& model) {
  std::vector<std::string> words;
  for (const VersionView& version : model.versions)
    for (const std::string& channel : version.channels) words.push_back(channel + " " + version.version.str());
  return listed(words, most_named);
}

Json version_json(const ModelName& model, const VersionView& version) {
  return {{"type", "model_version"},      {"model", model.str()},         {"version", version.version.str()},
          {"release", version.id.hex()},  {"size_bytes", version.size},   {"created", format_time(version.created)},
          {"channels", version.channels}, {"complete", version.complete}, {"fetching", version.fetching},
          {"running", version.running}};
}

/// The signed summary of what the weights are.
Json format_json(const manifest::Release& release) {
  return {{"kind", release.format.kind}, {"parameters", release.format.parameters}, {"files", release.files.size()}};
}

/// As model cards say it: "7.2B", "350M".
std::string parameters_text(std::uint64_t count) {
  const bool billions = count >= 1'000'000'000;
  const double value = static_cast<double>(count) / (billions ? 1e9 : 1e6);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), value < 10 ? "%.1f%c" : "%.0f%c", value, billions ? 'B' : 'M');
  return text.data();
}

std::string format_text(const manifest::Release& release) {
  if (release.format.parameters == 0) return release.format.kind;
  return release.format.kind + " " + parameters_text(release.format.parameters);
}

/// Asks the tracker about one model after the other.
class Survey {
 public:
  Survey(member::MemberSession& session, const std::stop_token& stop) : session_(session), registry_(session.client(stop)) {}

  Status begin() {
    SHOAL_CHECK(member::follow_trust_roots(session_, *registry_));
    SHOAL_TRY(fleet_, registry_->status());
    SHOAL_TRY(nodes_, registry_->nodes());
    return {};
  }
  std::vector<ModelName> models() const {
    std::vector<ModelName> models;
    for (const auto& row : fleet_.swarms)
      if (std::find(models.begin(), models.end(), row.model) == models.end()) models.push_back(row.model);
    std::sort(models.begin(), models.end());
    return models;
  }
  Result<ModelView> view(const ModelName& model) {
    SHOAL_TRY(auto versions, registry_->versions(model));
    SHOAL_TRY(auto channels, registry_->channels(model));
    return model_view(model, versions, channels, fleet_, nodes_);
  }
  Result<manifest::VerifiedRelease> release(const ModelName& model, const ReleaseId& id) {
    SHOAL_TRY(auto reply, registry_->release(id));
    SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(reply.envelope, manifest::release_limit));
    return session_.verifier()->release(envelope, model, id);
  }

 private:
  member::MemberSession& session_;
  std::unique_ptr<registry::Client> registry_;
  registry::FleetStatus fleet_;
  std::vector<registry::NodeRow> nodes_;
};

Status show_all(Survey& survey, cli::Output& out) {
  std::vector<ModelView> models;
  for (const ModelName& model : survey.models()) {
    SHOAL_TRY(ModelView view, survey.view(model));
    models.push_back(std::move(view));
  }
  if (models.empty()) out.message("the fleet has no model yet: 'shoal publish' brings one");
  if (!out.json() && !models.empty()) out.result({}, models_table(models));
  if (!out.json()) return {};
  for (const ModelView& model : models)
    for (const VersionView& version : model.versions) out.result(version_json(model.model, version), "");
  return {};
}

Status show_one(Survey& survey, const ModelName& model, cli::Output& out) {
  SHOAL_TRY(ModelView view, survey.view(model));
  if (view.versions.empty())
    return fail(ErrorCode::not_found, "the fleet has no model " + model.str() + ": 'shoal models' lists those it has");
  std::vector<std::string> formats;
  for (const VersionView& version : view.versions) {
    SHOAL_TRY(auto release, survey.release(model, version.id));
    formats.push_back(format_text(*release));
    Json line = version_json(model, version);
    line["format"] = format_json(*release);
    if (out.json()) out.result(line, "");
  }
  if (!out.json()) out.result({}, versions_table(view, formats));
  return {};
}

}  // namespace

ModelView model_view(const ModelName& model, const std::vector<registry::VersionRow>& versions,
                     const std::vector<registry::ChannelRow>& channels, const registry::FleetStatus& fleet,
                     const std::vector<registry::NodeRow>& nodes) {
  ModelView view{model, {}};
  for (const registry::VersionRow& row : versions) {
    VersionView version{row.version, row.id, row.size, row.created, 0, 0, channels_at(channels, row.version), nodes_running(nodes, row.id)};
    for (const auto& swarm : fleet.swarms) {
      if (swarm.id != row.id) continue;
      version.complete = swarm.seeders;
      version.fetching = swarm.leechers;
    }
    view.versions.push_back(std::move(version));
  }
  std::stable_sort(view.versions.begin(), view.versions.end(), [](const auto& a, const auto& b) { return a.created > b.created; });
  return view;
}

std::string models_table(const std::vector<ModelView>& models) {
  cli::Table table({"MODEL", "VERSIONS", "NEWEST", "SIZE", "CHANNELS", "COMPLETE", "FETCHING"});
  for (const ModelView& model : models) {
    if (model.versions.empty()) continue;
    const VersionView& newest = model.versions.front();
    table.add({model.model.str(), std::to_string(model.versions.size()), newest.version.str(), format_bytes(newest.size),
               or_dash(channels_text(model)), std::to_string(newest.complete), std::to_string(newest.fetching)});
  }
  return table.text();
}

std::string versions_table(const ModelView& model, const std::vector<std::string>& formats) {
  cli::Table table({"VERSION", "SIZE", "FORMAT", "CREATED", "CHANNELS", "COMPLETE", "FETCHING", "RUNS ON"});
  for (std::size_t i = 0; i < model.versions.size(); ++i) {
    const VersionView& version = model.versions[i];
    table.add({version.version.str(), format_bytes(version.size), formats[i], format_time(version.created),
               or_dash(listed(version.channels, most_named)), std::to_string(version.complete), std::to_string(version.fetching),
               or_dash(listed(version.running, most_named))});
  }
  return table.text();
}

Status show_models(member::MemberSession& session, const std::optional<ModelName>& model, cli::Output& out, const std::stop_token& stop) {
  Survey survey(session, stop);
  SHOAL_CHECK(survey.begin());
  return model ? show_one(survey, *model, out) : show_all(survey, out);
}

}  // namespace shoal::node
