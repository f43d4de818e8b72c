#include "node/lifecycle.hpp"

#include <algorithm>
#include <array>

#include "base/backoff.hpp"

namespace shoal::node {
namespace {

using enum Phase;

constexpr std::chrono::seconds first_delay{5}, longest_delay{30 * 60};

struct Named {
  Phase phase;
  std::string_view name;
};
constexpr std::array<Named, 9> names{{{idle, "idle"},
                                      {wanted, "wanted"},
                                      {admitted, "admitted"},
                                      {fetching, "fetching"},
                                      {verified, "verified"},
                                      {ready, "ready"},
                                      {activating, "activating"},
                                      {active, "active"},
                                      {failed, "failed"}}};

struct Transition {
  Phase from;
  Step step;
  Phase to;
};
constexpr Transition table[] = {
    {idle, Step::want, wanted},
    {wanted, Step::admit, admitted},
    {wanted, Step::prepare, ready},  // it is on this machine already
    {admitted, Step::fetch, fetching},
    {fetching, Step::verify, verified},
    {verified, Step::prepare, ready},
    {ready, Step::activate, activating},
    {activating, Step::succeed, active},
    {failed, Step::retry, wanted},
    // The newest wanted wins, whatever was under way, but for a switch.
    {wanted, Step::want, wanted},
    {admitted, Step::want, wanted},
    {fetching, Step::want, wanted},
    {verified, Step::want, wanted},
    {ready, Step::want, wanted},
    {active, Step::want, wanted},
    {failed, Step::want, wanted},
    {idle, Step::settle, active},  // `pull` brought it before anybody followed
    {wanted, Step::settle, active},
    {admitted, Step::settle, active},
    {fetching, Step::settle, active},
    {verified, Step::settle, active},
    {ready, Step::settle, active},
    {active, Step::settle, active},
    {failed, Step::settle, active},
    {wanted, Step::fail, failed},
    {admitted, Step::fail, failed},
    {fetching, Step::fail, failed},
    {verified, Step::fail, failed},
    {ready, Step::fail, failed},
    {activating, Step::fail, failed},
};

}  // namespace

std::string_view name(Phase phase) {
  for (const Named& named : names)
    if (named.phase == phase) return named.name;
  return "";
}

std::optional<Phase> phase_from(std::string_view text) {
  for (const Named& named : names)
    if (named.name == text) return named.phase;
  return std::nullopt;
}

std::optional<Phase> next(Phase phase, Step step) {
  for (const Transition& row : table)
    if (row.from == phase && row.step == step) return row.to;
  return std::nullopt;
}

Phase after_restart(Phase phase) {
  switch (phase) {
    case admitted:
    case fetching:
    case verified:
    case ready: return wanted;
    case activating: return ready;
    default: return phase;
  }
}

std::optional<ReleaseId> wanted_by(const manifest::ChannelPointer& pointer, const NodeId& self,
                                   const std::optional<ReleaseId>& now_active) {
  if (!pointer.rollout || manifest::is_chosen(*pointer.rollout, self)) return pointer.release;
  return now_active ? now_active : pointer.rollout->otherwise;
}

std::string note_on(const manifest::ChannelPointer& pointer, const NodeId& self) {
  std::string note = pointer.rollback_of ? "went back: " + pointer.reason : pointer.reason;
  if (!pointer.rollout || manifest::is_chosen(*pointer.rollout, self)) return note;
  return note + (note.empty() ? "" : "; ") + "the rollout to " + std::to_string(pointer.rollout->percent) +
         " % of the nodes leaves this one out";
}

std::chrono::seconds retry_delay(std::uint32_t failures) { return backoff(first_delay, longest_delay, failures); }

bool is_called_again(const std::optional<manifest::SeenSequence>& tried, const std::optional<manifest::SeenSequence>& pointer,
                     bool halted) {
  return !halted && pointer && (!tried || *tried < *pointer);
}

bool is_due(WallTime retry_at, WallTime now) { return now >= retry_at || retry_at - now > longest_delay; }

}  // namespace shoal::node
