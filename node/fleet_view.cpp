#include "node/fleet_view.hpp"

#include "base/wording.hpp"
#include "manifest/validity.hpp"
#include "member/fleet_freshness.hpp"
#include "member/trust_chain.hpp"
#include "node/agent_view.hpp"
#include "node/control.hpp"

namespace shoal::node {
namespace {

using member::MemberSession;

std::string root_advice() { return "who holds the root key renews it with 'shoal trust rotate --root-key FILE'"; }

void show_local(MemberSession& session, const Shelf& shelf, cli::Output& out) {
  auto credentials = session.credentials().current();
  const WallTime now = session.clock().now();
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(credentials->self.not_after - now);
  const auto verifier = session.verifier();
  const manifest::TrustRoot& root = verifier->root();
  const identity::Identity& self = session.self();
  Json value{{"type", "machine"},
             {"fleet", self.fleet.str()},
             {"role", std::string(identity::name(self.role))},
             {"id", self.id.str()},
             {"name", session.name()},
             {"site", session.site()},
             {"tracker", session.tracker().str()},
             {"certificate_until", format_time(credentials->self.not_after)},
             {"certificate_seconds_left", left.count() / 1000},
             {"trust_root_version", root.version},
             {"trust_root_expires", format_time(root.expires)},
             {"trust_root_days_left", manifest::days_left(root.expires, now)}};
  std::string text = "fleet " + self.fleet.str() + ", " + std::string(identity::name(self.role)) + " " + self.id.str() + "\ntracker " +
                     session.tracker().str() + "\ncertificate valid for " + format_duration(left) + "\ntrust root " +
                     std::to_string(root.version) + " " + manifest::end_text(root.expires, now);
  if (manifest::ends_soon(root.expires, now)) text += ": " + root_advice();
  auto held = shelf.held();
  value["releases"] = Json::array();
  for (const ReleaseId& id : held.ok() ? *held : std::vector<ReleaseId>{}) {
    auto release = shelf.verified(*session.verifier(), id);
    std::string shown = release ? title(**release) : "(no valid manifest)";
    text += "\nholds " + shown + "  " + (release ? format_bytes((*release)->total_size()) : "") + "  " + id.hex().substr(0, 12);
    value["releases"].push_back({{"release", id.hex()}, {"title", shown}});
  }
  out.result(value, text);
}

/// What the node that runs here says; where none runs, what it noted last.
Status show_node(MemberSession& session, const Shelf& shelf, cli::Output& out) {
  SHOAL_TRY(auto running, ask_node(session.state(), {{"command", "status"}}, std::chrono::seconds(30)));
  if (running) {
    out.result(*running, status_text(*running));
    return {};
  }
  AgentView noted;
  for (const auto& [key, track] : TrackStore(session.state()).all())
    noted.channels.push_back({key, track, shelf.link({key.model, std::nullopt, key.channel}), "", std::nullopt});
  if (noted.channels.empty()) return {};
  Json value = to_json(noted, session.clock().now());
  out.result({{"type", "node"}, {"running", false}, {"subscriptions", value["subscriptions"]}},
             "no node runs here; when one did last:" + subscriptions_text(value));
  return {};
}

std::string swarm_table(const registry::FleetStatus& fleet) {
  std::string text = "the tracker sees " + counted(fleet.machines.size(), "machine");
  for (const auto& row : fleet.swarms)
    text += "\n  " + row.ref().str() + ": " + std::to_string(row.seeders) + " complete, " + std::to_string(row.leechers) + " fetching";
  return text;
}

}  // namespace

Status show_status(MemberSession& session, cli::Output& out, const std::stop_token& stop) {
  Shelf shelf(session.state());
  show_local(session, shelf, out);
  SHOAL_CHECK(show_node(session, shelf, out));
  SHOAL_TRY(auto fleet, session.client(stop)->status());
  Json value = parse_json(registry::encode(fleet), 64 * MiB).value_or(Json::object());
  value["type"] = "fleet";
  out.result(value, swarm_table(fleet));
  return {};
}

namespace {

/// What the tracker says of these channels; a fleet without statements, or one that does not verify, says of none that it is halted.
member::FreshnessView freshness_of(const MemberSession& session, registry::Client& registry, const ModelName& model,
                                   const std::vector<registry::ChannelRow>& rows) {
  std::vector<manifest::ChannelPlace> places;
  for (const registry::ChannelRow& row : rows) places.push_back(manifest::place_of(model, row.channel));
  return member::freshness_of(session, registry, std::move(places)).value_or({});
}

std::string rollout_text(const manifest::ChannelPointer& pointer, bool halted) {
  std::string text =
      pointer.rollout && pointer.rollout->percent < 100 ? ", " + std::to_string(pointer.rollout->percent) + " % of the nodes" : "";
  if (halted) text += ", HALTED: too many nodes failed with it";
  return pointer.reason.empty() ? text : text + ", " + pointer.reason;
}

}  // namespace

namespace {

/// One line of the list. An expired pointer is shown like the others, and says so.
Status list_channel(const MemberSession& session, registry::Client& registry, const ModelName& model, const registry::ChannelRow& row,
                    const member::FreshnessView& freshness, cli::Output& out) {
  const WallTime now = session.clock().now();
  SHOAL_TRY(auto signed_pointer, manifest::SignedEnvelope::decode(row.envelope, manifest::channel_limit));
  SHOAL_TRY(auto pointer, session.verifier()->channel(signed_pointer, model, row.channel, {}, WallTime{}));
  SHOAL_TRY(auto reply, registry.release(pointer->release));
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(reply.envelope, manifest::release_limit));
  SHOAL_TRY(auto release, session.verifier()->release(envelope, model, pointer->release));
  const bool halted = member::is_halted(freshness, *pointer), expired = now >= pointer->expires;
  const std::string name = ChannelRef{model, row.channel}.str(), end = manifest::end_text(pointer->expires, now);
  std::string text = name + " -> " + release->version.str() + "  (sequence " + std::to_string(pointer->sequence) + ", issued " +
                     format_time(pointer->issued) + rollout_text(*pointer, halted) + ", " + end + ")";
  if (manifest::ends_soon(pointer->expires, now))
    text += "\n  " + std::string(expired ? "EXPIRED: nothing new is fetched by this channel; " : "it ends soon: ") +
            "a publisher renews it with 'shoal channel renew " + name + "'";
  out.result({{"type", "channel"},
              {"model", model.str()},
              {"channel", row.channel.str()},
              {"version", release->version.str()},
              {"release", release.id().hex()},
              {"sequence", pointer->sequence},
              {"issued", format_time(pointer->issued)},
              {"expires", format_time(pointer->expires)},
              {"days_left", manifest::days_left(pointer->expires, now)},
              {"expired", expired},
              {"percent", pointer->rollout ? pointer->rollout->percent : 100},
              {"halted", halted},
              {"reason", pointer->reason}},
             text);
  return {};
}

/// A pointer counts for as long as the trust root does.
void warn_of_root(const MemberSession& session, cli::Output& out) {
  const WallTime until = session.verifier()->root().expires, now = session.clock().now();
  if (manifest::ends_soon(until, now)) out.message("warning: the trust root " + manifest::end_text(until, now) + ": " + root_advice());
}

}  // namespace

Status list_channels(MemberSession& session, const ModelName& model, cli::Output& out, const std::stop_token& stop) {
  auto registry = session.client(stop);
  SHOAL_CHECK(member::follow_trust_roots(session, *registry));
  SHOAL_TRY(auto rows, registry->channels(model));
  if (rows.empty())
    return fail(ErrorCode::not_found,
                model.str() + " has no channel yet: set one with 'shoal channel set " + model.str() + ":main VERSION'");
  const auto freshness = freshness_of(session, *registry, model, rows);
  Status worst;
  for (const auto& row : rows) {
    Status shown = list_channel(session, *registry, model, row, freshness, out);
    if (!shown.ok() && worst.ok()) worst = std::move(shown);
  }
  warn_of_root(session, out);
  return worst;
}

}  // namespace shoal::node
