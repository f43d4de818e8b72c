// One machine on the page. Pure.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "base/json.hpp"
#include "overview/facts.hpp"

namespace shoal::overview {

/// How far a machine is with a release.
enum class Standing { none, waiting, fetching, complete, failed };

/// The last try to switch a channel to what it wants, which failed. It stays while the node tries again.
struct FailedSwitch {
  std::optional<ReleaseId> wanted;
  std::string version, reason;
};

struct MachineView {
  registry::MachineRow row;
  std::optional<WallTime> seen;  // its last report, or its last announce where it makes none
  std::string software;
  std::vector<registry::SubscriptionReport> subscriptions;
  /// The last word of each release: where its bytes came from stays known after the transfer has ended.
  std::map<ReleaseId, registry::TransferReport> transfers;
  std::map<std::string, FailedSwitch> failures;  // by "org/name:channel"
  std::map<ReleaseId, WallTime> wanted_since;    // of releases that a channel wants and that are not active
  std::map<ReleaseId, bool> announced;           // whether it is complete there
  ByteCount disk_free = 0, disk_size = 0;

  static constexpr std::size_t most_transfers = 32;

  void take(WallTime at, const registry::NodeReport& report);
  Standing standing(const ReleaseId& release) const;
  /// Of the release, as far as the machine said.
  ByteCount done(const ReleaseId& release, ByteCount size) const;
  /// That it has something to do with: wants, fetches, has.
  std::vector<ReleaseId> releases() const;
  /// Bytes per second that arrive.
  ByteCount rate() const;
  std::string shown_name() const { return row.name.empty() ? row.id.str() : row.name; }

 private:
  void note_wanted(WallTime at);
  void note_failures();
};

/// A machine without a report for this long is called silent.
inline constexpr std::chrono::minutes silence{5};

/// The activity of a machine, the worst first.
enum class Doing { revoked, failed, stalled, silent, fetching, waiting, active, complete, idle };
std::string_view name(Doing doing);
Doing doing(const MachineView& machine, WallTime now);

/// Releases have short keys on the page: 16 hexadecimal digits.
std::string key_of(const ReleaseId& release);
std::string_view name(Standing standing);
Json to_json(const MachineView& machine);
Json links_json(const MachineView& machine);

}  // namespace shoal::overview
