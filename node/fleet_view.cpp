#include "node/fleet_view.hpp"

#include "base/asio.hpp"
#include "base/directory_lock.hpp"
#include "base/wording.hpp"
#include "http/resolve.hpp"
#include "manifest/validity.hpp"
#include "member/fleet_freshness.hpp"
#include "member/trust_chain.hpp"
#include "node/agent_view.hpp"
#include "node/control.hpp"
#include "node/pin_commands.hpp"

namespace shoal::node {
namespace {

using member::MemberSession;

std::string root_advice() { return "who holds the root key renews it with 'shoal trust rotate --root-key FILE'"; }

/// The address that this machine's packets to the tracker come from, which is the one that the tracker names to peers behind no NAT. Sends
/// nothing; empty where there is no way to the tracker.
std::string own_address(const HostPort& tracker, const std::stop_token& stop) {
  const auto found = http::resolve(tracker, std::chrono::steady_clock::now() + std::chrono::seconds(1), stop);
  if (!found || found->empty()) return "";
  net::io_context context;
  net::ip::udp::socket socket(context);
  boost::system::error_code error;
  socket.connect({found->front().address(), found->front().port()}, error);
  return error ? "" : socket.local_endpoint(error).address().to_string();
}

Json machine_json(const MemberSession& session, const identity::Certificate& certificate, const manifest::TrustRoot& root, WallTime now) {
  const identity::Identity& self = session.self();
  return {{"type", "machine"},
          {"fleet", self.fleet.str()},
          {"role", std::string(identity::name(self.role))},
          {"id", self.id.str()},
          {"name", session.name()},
          {"site", session.site()},
          {"tracker", session.tracker().str()},
          {"certificate_until", format_time(certificate.not_after)},
          {"certificate_seconds_left", (certificate.not_after - now).count()},
          {"certificate_days_left", manifest::days_left(certificate.not_after, now)},
          {"trust_root_version", root.version},
          {"trust_root_expires", format_time(root.expires)},
          {"trust_root_days_left", manifest::days_left(root.expires, now)}};
}

std::string machine_text(const MemberSession& session, const std::string& address) {
  const identity::Identity& self = session.self();
  std::string text = "fleet " + self.fleet.str() + ", " + std::string(identity::name(self.role)) + " ";
  text += session.name().empty() ? self.id.str() : session.name() + " (" + self.id.str() + ")";
  if (!session.site().empty()) text += ", site " + session.site();
  if (!address.empty()) text += ", address " + address;
  return text + "\ntracker " + session.tracker().str();
}

std::string ends_text(const identity::Certificate& certificate, const manifest::TrustRoot& root, WallTime now) {
  const auto days = manifest::days_left(certificate.not_after, now);
  const std::string left = days >= 2 ? counted(static_cast<std::uint64_t>(days), "day") : format_duration(certificate.not_after - now);
  std::string text = "\ncertificate valid for " + left + ", renewed by 'shoal node run' and 'shoal seed'";
  text += "\ntrust root " + std::to_string(root.version) + " " + manifest::end_text(root.expires, now);
  return manifest::ends_soon(root.expires, now) ? text + ": " + root_advice() : text;
}

/// Adds the releases that are whole on this machine.
std::string list_held(const MemberSession& session, const Shelf& shelf, Json& releases) {
  std::string text;
  const auto held = shelf.held();
  for (const ReleaseId& id : held.ok() ? *held : std::vector<ReleaseId>{}) {
    auto release = shelf.verified(*session.verifier(), id);
    const std::string shown = release ? title(**release) : "(no valid manifest)";
    text += "\nholds " + shown + "  " + (release ? format_bytes((*release)->total_size()) : "") + "  " + id.hex().substr(0, 12);
    releases.push_back({{"release", id.hex()}, {"title", shown}});
  }
  return text;
}

/// Adds the fetches that were begun, and have been interrupted where nobody works on them.
std::string list_unfinished(const Shelf& shelf, Json& unfinished) {
  std::string text;
  const auto begun = shelf.begun();
  for (const ReleaseId& id : begun.ok() ? *begun : std::vector<ReleaseId>{}) {
    const std::string shown = title_on_disk(shelf, id);
    text += "\nhas part of " + shown;
    unfinished.push_back({{"release", id.hex()}, {"title", shown}});
  }
  return text;
}

std::string list_pins(const Shelf& shelf, WallTime now, Json& pins) {
  std::string text;
  const auto all = Pins(shelf.state()).all(now);
  if (!all) return "\npins cannot be read: " + all.error().message;
  for (const Pin& pin : *all) {
    text += "\npinned " + pin_text(shelf, pin);
    pins.push_back(pin_json(shelf, pin, "pin"));
  }
  return text;
}

void show_local(MemberSession& session, const Shelf& shelf, cli::Output& out, const std::stop_token& stop) {
  const auto credentials = session.credentials().current();
  const auto verifier = session.verifier();
  const WallTime now = session.clock().now();
  const std::string address = own_address(session.tracker(), stop);
  Json value = machine_json(session, credentials->self, verifier->root(), now);
  value["address"] = address.empty() ? Json() : Json(address);
  for (const char* list : {"releases", "unfinished", "pins"}) value[list] = Json::array();
  std::string text = machine_text(session, address) + ends_text(credentials->self, verifier->root(), now);
  text += list_held(session, shelf, value["releases"]);
  text += list_unfinished(shelf, value["unfinished"]);
  text += list_pins(shelf, now, value["pins"]);
  if (const auto holder = lock_holder(session.state())) {
    value["used_by"] = {{"pid", holder->pid}, {"command", holder->command}};
    text += "\nused by " + holder->str();
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
  show_local(session, shelf, out, stop);
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
