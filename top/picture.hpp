// The contents of `shoal top`, made from the answers of the tracker. Pure.
#pragma once

#include <string>
#include <vector>

#include "overview/release_view.hpp"

namespace shoal::top {

struct Picture {
  std::string fleet;
  overview::Machines machines;
  overview::ReleaseViews releases;
  WallTime at{};             // of the answer
  std::string problem = {};  // why there is no newer one
};

/// Replaces what is known; where bytes came from stays known after a transfer has ended.
void take(Picture& picture, const std::vector<registry::NodeRow>& rows, const registry::FleetStatus& status, WallTime now);

/// Percent of the bytes that all its nodes need; of the nodes where no report told its size.
unsigned percent(const overview::ReleaseView& release);
/// Percent of all that the machine fetches, 100 once it has everything; none where it wants nothing.
std::optional<unsigned> percent(const overview::MachineView& machine);
/// "llama 1.3 -> 1.4.0, speech 2.0": what it runs and wants, changes first.
std::string versions(const overview::MachineView& machine, const Picture& picture);
/// Those under way first, then the newest versions; without releases that no machine wants.
std::vector<const overview::ReleaseView*> releases_in_order(const Picture& picture);

/// {"type":"top","fleet","at","problem"?,"machines":[...],"releases":[...]}
Json to_json(const Picture& picture);

}  // namespace shoal::top
