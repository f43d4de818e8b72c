#include "node/local_names.hpp"

#include <map>
#include <set>

#include "base/clock.hpp"
#include "node/pins.hpp"
#include "node/shelf.hpp"
#include "node/subscriptions.hpp"
#include "node/track.hpp"

namespace shoal::node {
namespace {

using Names = std::set<std::string>;

constexpr std::size_t most_manifests = 100;

Names followed(const fs::path& state) {
  Names names;
  if (auto noted = SubscriptionFile(state).load(); noted.ok())
    for (const Subscription& each : *noted) names.insert(each.key.str());
  for (const auto& [key, track] : TrackStore(state).all()) names.insert(key.str());
  return names;
}

/// The entries of a directory; none where it cannot be read.
std::vector<std::string> entries(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code problem;
  for (fs::directory_iterator each(directory, problem), end; !problem && each != end; each.increment(problem))
    names.push_back(each->path().filename().string());
  return names;
}

/// By the links of models/org/name/channel; those of versions begin with '@'.
Names linked_channels(const fs::path& state) {
  Names names;
  const fs::path models = state / "models";
  for (const std::string& org : entries(models))
    for (const std::string& name : entries(models / org))
      for (const std::string& channel : entries(models / org / name))
        if (auto found = ChannelRef::parse(org + "/" + name + ":" + channel); found.ok()) names.insert(found->str());
  return names;
}

Names channels(const fs::path& state) {
  Names names = followed(state);
  names.merge(linked_channels(state));
  return names;
}

Names releases(const fs::path& state) {
  Names names;
  const Shelf shelf(state);
  auto known = shelf.manifests();
  for (std::size_t i = 0; known.ok() && i < std::min(known->size(), most_manifests); ++i)
    if (auto release = stated_on_disk(shelf, (*known)[i]); release.ok()) names.insert(title(*release));
  return names;
}

Names models(const fs::path& state) {
  Names names;
  for (const std::string& channel : channels(state)) names.insert(channel.substr(0, channel.find(':')));
  for (const std::string& release : releases(state)) names.insert(release.substr(0, release.find('@')));
  return names;
}

Names pinned(const fs::path& state) {
  Names names;
  const Shelf shelf(state);
  if (auto pins = Pins(state).all(SystemClock().now()); pins.ok())
    for (const Pin& pin : *pins) names.insert(title_on_disk(shelf, pin.release));
  return names;
}

Names references(const fs::path& state) {
  Names names = models(state);
  names.merge(channels(state));
  names.merge(releases(state));
  return names;
}

}  // namespace

std::vector<std::string> local_names(const std::string& kind, const std::string& state) {
  static const std::map<std::string, Names (*)(const fs::path&)> kinds{
      {"channel", channels}, {"followed", followed}, {"model", models}, {"release", releases}, {"pin", pinned}, {"reference", references}};
  const auto look = kinds.find(kind);
  if (look == kinds.end()) return {};
  const Names names = look->second(state);
  return {names.begin(), names.end()};
}

}  // namespace shoal::node
