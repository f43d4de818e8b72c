#include "node/release_names.hpp"

#include <algorithm>
#include <set>

#include "member/trust_chain.hpp"

namespace shoal::node {

namespace {

constexpr std::chrono::seconds remembered_for{5};
constexpr std::size_t most_remembered = 256;

/// The revision that some clients send for "the default branch".
constexpr std::string_view head_revision = "HEAD";

gateway::Refusal no_revision(const ModelName& model, const std::string& revision) {
  return {gateway::Refusal::Kind::no_revision, model.str() + " has no channel, version or commit '" + revision + "'"};
}

}  // namespace

ReleaseNames::ReleaseNames(member::MemberSession& session, const Shelf& shelf, const Clock& clock, IsFollowed is_followed,
                           std::stop_token stop)
    : session_(session), shelf_(shelf), clock_(clock), is_followed_(std::move(is_followed)), stop_(std::move(stop)) {}

ReleaseNames::Found ReleaseNames::find(const ModelName& model, const std::string& revision) {
  const std::string name = model.str() + ":" + revision;
  if (auto known = remembered(name)) return *known;
  auto found = look_up(model, revision == head_revision ? std::string(default_channel) : revision);
  if (found) remember(name, *found);
  return found;
}

std::optional<NamedRelease> ReleaseNames::remembered(const std::string& name) {
  const SteadyTime now = clock_.steady_now();
  return remembered_.with([&](auto& all) -> std::optional<NamedRelease> {
    const auto found = all.find(name);
    if (found == all.end() || found->second.until < now) return std::nullopt;
    return found->second.named;
  });
}

void ReleaseNames::remember(const std::string& name, const NamedRelease& named) {
  const SteadyTime now = clock_.steady_now();
  auto all = remembered_.lock();
  std::erase_if(*all, [&](const auto& each) { return each.second.until < now; });
  if (all->size() >= most_remembered) all->clear();
  all->insert_or_assign(name, Remembered{named, now + remembered_for});
}

/// A channel comes before a version of the same name, as in the Hugging Face cache.
ReleaseNames::Found ReleaseNames::look_up(const ModelName& model, const std::string& revision) {
  if (gateway::is_commit(revision)) return by_commit(model, revision);
  auto channel = ChannelName::parse(revision);
  auto version = VersionName::parse(revision);
  auto found = channel.ok() ? by_channel({model, std::nullopt, *channel}) : Found(no_revision(model, revision));
  if (found || !version.ok()) return found;
  const Reference reference{model, *version, {}};
  if (auto here = version_on_shelf(reference)) return *here;
  return found.refusal.kind == gateway::Refusal::Kind::no_revision ? ask_tracker(reference) : found;
}

std::optional<NamedRelease> ReleaseNames::on_shelf(const Reference& reference, const ReleaseId& id) const {
  if (!shelf_.holds(id)) return std::nullopt;
  auto release = shelf_.verified(*session_.verifier(), id);
  auto envelope = shelf_.envelope(id);
  if (!release.ok() || !envelope.ok() || (*release)->model != reference.model) return std::nullopt;
  return NamedRelease{reference, std::make_shared<Wanted>(Wanted{std::move(*release), std::move(*envelope), std::nullopt})};
}

ReleaseNames::Found ReleaseNames::by_channel(const Reference& reference) {
  const auto linked = shelf_.linked(reference);
  auto here = linked.ok() ? on_shelf(reference, *linked) : std::nullopt;
  if (here && is_followed_(reference.model, reference.channel)) return *here;
  auto asked = ask_tracker(reference);
  const bool cannot_tell =
      !asked && asked.refusal.kind != gateway::Refusal::Kind::no_model && asked.refusal.kind != gateway::Refusal::Kind::no_revision;
  if (cannot_tell && here) return *here;
  return asked;
}

std::optional<NamedRelease> ReleaseNames::version_on_shelf(const Reference& reference) const {
  const auto held = shelf_.held();
  for (const ReleaseId& id : held.ok() ? *held : std::vector<ReleaseId>{}) {
    const auto stated = stated_on_disk(shelf_, id);
    if (!stated.ok() || stated->model != reference.model || stated->version != *reference.version) continue;
    if (auto here = on_shelf(reference, id)) return here;
  }
  return std::nullopt;
}

ReleaseNames::Found ReleaseNames::by_commit(const ModelName& model, const std::string& commit) {
  const auto held = shelf_.held();
  for (const ReleaseId& id : held.ok() ? *held : std::vector<ReleaseId>{}) {
    const auto stated = stated_on_disk(shelf_, id);
    if (gateway::commit_of(id) != commit || !stated.ok()) continue;
    if (auto here = on_shelf({model, stated->version, {}}, id)) return *here;
  }
  return ask_tracker_for(model, commit);
}

ReleaseNames::Found ReleaseNames::ask_tracker(const Reference& reference) {
  const auto tracker = session_.client(stop_);
  auto current = member::follow_trust_roots(session_, *tracker);
  if (!current.ok()) return refusal_of(reference.model, current.error(), *tracker);
  auto wanted = Resolver(*tracker, *session_.verifier(), shelf_, clock_).resolve(reference);
  if (!wanted.ok()) return refusal_of(reference.model, wanted.error(), *tracker);
  return NamedRelease{reference, std::make_shared<Wanted>(std::move(*wanted))};
}

ReleaseNames::Found ReleaseNames::ask_tracker_for(const ModelName& model, const std::string& commit) {
  const auto tracker = session_.client(stop_);
  auto versions = tracker->versions(model);
  if (!versions.ok()) return refusal_of(model, versions.error(), *tracker);
  if (versions->empty()) return gateway::Refusal{gateway::Refusal::Kind::no_model, "the fleet has no model " + model.str()};
  const auto row =
      std::find_if(versions->begin(), versions->end(), [&](const auto& each) { return gateway::commit_of(each.id) == commit; });
  if (row == versions->end()) return no_revision(model, commit);
  return ask_tracker({model, row->version, {}});
}

gateway::Refusal ReleaseNames::refusal_of(const ModelName& model, const Error& error, registry::Client& tracker) const {
  if (error.code == ErrorCode::unreachable || error.code == ErrorCode::not_enrolled)
    return {gateway::Refusal::Kind::unreachable, error.message};
  if (error.code != ErrorCode::not_found) return {gateway::Refusal::Kind::failed, error.message};
  const auto versions = tracker.versions(model);
  const bool no_model = versions.ok() && versions->empty();
  return {no_model ? gateway::Refusal::Kind::no_model : gateway::Refusal::Kind::no_revision, error.message};
}

gateway::Answer<std::vector<gateway::RevisionName>> ReleaseNames::revisions(const ModelName& model) {
  std::vector<gateway::RevisionName> names;
  const auto tracker = session_.client(stop_);
  const auto channels = tracker->channels(model);
  const auto versions = tracker->versions(model);
  if (!versions.ok()) return refusal_of(model, versions.error(), *tracker);
  if (!channels.ok()) return refusal_of(model, channels.error(), *tracker);
  if (versions->empty()) return gateway::Refusal{gateway::Refusal::Kind::no_model, "the fleet has no model " + model.str()};
  const auto verifier = session_.verifier();
  for (const auto& row : *channels) {
    auto envelope = manifest::SignedEnvelope::decode(row.envelope, manifest::channel_limit);
    if (!envelope.ok()) continue;
    auto pointer = verifier->channel(*envelope, model, row.channel, {}, clock_.now());
    if (pointer.ok()) names.push_back({row.channel.str(), (*pointer)->release, true});
  }
  for (const auto& version : *versions) names.push_back({version.version.str(), version.id, false});
  return names;
}

std::vector<ModelName> ReleaseNames::models() const {
  std::set<ModelName> models;
  const auto held = shelf_.held();
  for (const ReleaseId& id : held.ok() ? *held : std::vector<ReleaseId>{})
    if (const auto stated = stated_on_disk(shelf_, id); stated.ok()) models.insert(stated->model);
  return {models.begin(), models.end()};
}

}  // namespace shoal::node
