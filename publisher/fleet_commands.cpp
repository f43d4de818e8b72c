// `shoal release withdraw` and `shoal nodes list`.
#include "manifest/validity.hpp"
#include "publisher/command_parts.hpp"
#include "publisher/withdrawing.hpp"

namespace shoal::publisher {
namespace {

using cli::Invocation;

Status run_withdraw(Invocation& call) {
  SHOAL_TRY(ModelName model, ModelName::parse(call.get("MODEL")).within("MODEL"));
  SHOAL_TRY(VersionName version, VersionName::parse(call.get("VERSION")).within("VERSION"));
  const std::string reason = call.get("--reason");
  if (reason.empty()) return fail(ErrorCode::usage, "--reason must say why: everyone who requests the release sees it");
  SHOAL_TRY(Desk desk, Desk::open(call));
  SHOAL_CHECK(require_publisher(*desk.session));
  SHOAL_TRY(Signer signer, load_signer(call, desk.session->state()));
  SHOAL_CHECK(withdraw_release(*desk.session, *desk.tracker, signer, {model, version, reason}));
  call.out.result({{"type", "withdrawn"}, {"model", model.str()}, {"version", version.str()}, {"reason", reason}},
                  VersionRef{model, version}.str() + " is withdrawn: " + reason);
  return {};
}

Json node_line(const registry::NodeRow& node, const WallTime& now) {
  Json line{{"type", "node"},
            {"id", node.machine.id.str()},
            {"name", node.machine.name},
            {"site", node.machine.site},
            {"role", std::string(identity::name(node.machine.role))},
            {"certificate_until", format_time(node.machine.certificate_until)},
            {"subscriptions", Json::array()}};
  if (node.machine.revoked) line["revoked"] = format_time(*node.machine.revoked);
  if (node.machine.held_twice) line["held_twice"] = format_time(*node.machine.held_twice);
  if (!node.seen) return line;
  line["seen"] = format_time(*node.seen);
  line["seen_seconds_ago"] = std::max<std::int64_t>((now - *node.seen).count(), 0);
  line["software"] = node.report.software;
  for (const auto& row : node.report.subscriptions) {
    Json shown{{"model", row.model.str()},
               {"channel", row.channel.str()},
               {"phase", row.phase},
               {"active_version", row.active_version},
               {"wanted_version", row.wanted_version},
               {"reason", row.reason},
               {"stall", row.stall},
               {"done_bytes", row.done},
               {"size_bytes", row.size}};
    if (row.active) shown["active"] = row.active->hex();
    if (row.wanted) shown["wanted"] = row.wanted->hex();
    if (row.pointer_expires) {
      shown["pointer_expires"] = format_time(*row.pointer_expires);
      shown["pointer_days_left"] = manifest::days_left(*row.pointer_expires, now);
    }
    line["subscriptions"].push_back(std::move(shown));
  }
  return line;
}

std::string pointer_text(const registry::SubscriptionReport& row, WallTime now) {
  if (!row.pointer_expires) return "";
  const std::string text = "  (pointer " + manifest::end_text(*row.pointer_expires, now);
  return manifest::ends_soon(*row.pointer_expires, now) ? text + ": 'shoal channel renew " + row.ref().str() + "')" : text + ")";
}

std::string subscription_text(const registry::SubscriptionReport& row, WallTime now) {
  std::string text = "\n    " + row.ref().str() + "  " + (row.active_version.empty() ? "nothing" : row.active_version);
  if (row.wanted && row.wanted != row.active) {
    text += " -> " + (row.wanted_version.empty() ? row.wanted->hex().substr(0, 12) : row.wanted_version);
    if (row.size > 0) text += " (" + std::to_string(row.done * 100 / row.size) + " %)";
  }
  text += "  " + row.phase + pointer_text(row, now);
  return row.reason.empty() ? text : text + ": " + row.reason;
}

std::string node_text(const registry::NodeRow& node, const WallTime& now) {
  std::string text = (node.machine.name.empty() ? node.machine.id.str() : node.machine.name + "  " + node.machine.id.str());
  if (!node.machine.site.empty()) text += "  " + node.machine.site;
  if (node.machine.revoked) return text + "  revoked at " + format_time(*node.machine.revoked);
  if (node.machine.held_twice) text += "  TWO HOLD ITS KEY since " + format_time(*node.machine.held_twice) + " (revoke it, join again)";
  if (!node.seen && node.machine.certificate_until <= now)
    return text + "  gone: its certificate " + manifest::end_text(node.machine.certificate_until, now) +
           " ('shoal nodes remove' on the tracker's host)";
  if (!node.seen) return text + "  has not reported since the tracker started";
  text += "  seen " + format_duration(std::max<std::chrono::milliseconds>(now - *node.seen, {})) + " ago";
  for (const auto& row : node.report.subscriptions) text += subscription_text(row, now);
  return text;
}

Status run_nodes(Invocation& call) {
  std::optional<ModelName> model;
  if (!call.get("--model").empty()) {
    SHOAL_TRY(model, ModelName::parse(call.get("--model")).within("--model"));
  }
  SHOAL_TRY(Desk desk, Desk::open(call));
  SHOAL_TRY(auto nodes, desk.tracker->nodes());
  for (registry::NodeRow& node : nodes) {
    auto& rows = node.report.subscriptions;
    if (model) std::erase_if(rows, [&](const auto& row) { return row.model != *model; });
    if (model && rows.empty()) continue;
    call.out.result(node_line(node, desk.clock->now()), node_text(node, desk.clock->now()));
  }
  const WallTime root_until = desk.session->verifier()->root().expires;
  if (manifest::ends_soon(root_until, desk.clock->now()))
    call.out.message("warning: the trust root " + manifest::end_text(root_until, desk.clock->now()) +
                     ": renew it with 'shoal trust rotate --root-key FILE'");
  return {};
}

}  // namespace

std::vector<cli::Command> fleet_commands() {
  return {
      {"release withdraw",
       "withdraw a version from the fleet for good",
       "Requests for it fail with the reason. Nodes that are fetching it stop; nodes that run it keep running it. No channel may point\n"
       "at it, so move channels first. The model's publishers sign the withdrawal, like a release. A withdrawn version does not come\n"
       "back.\n\n"
       "  shoal release withdraw acme/llama 1.1 --reason \"wrong weights\" --key ~/fleet-keys/publisher.key",
       {{"MODEL", "org/name", true}, {"VERSION", "the version to withdraw", true}},
       {state_option, key_option, {"--reason", "TEXT", "why; shown to everyone who requests the version", "", true}},
       run_withdraw,
       "Seeder"},
      {"nodes list",
       "show which node runs which version",
       "Shows each node's last report and its age. Reports are for people: they are not signed.\n\n"
       "  shoal nodes list --model acme/llama",
       {},
       {state_option,
        {.name = "--model", .value = "ORG/NAME", .help = "only nodes that follow a channel of this model", .flag_only = true}},
       run_nodes,
       "Seeder"}};
}

}  // namespace shoal::publisher
