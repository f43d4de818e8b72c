// `shoal release withdraw` and `shoal nodes list`.
#include <unistd.h>

#include "manifest/validity.hpp"
#include "publisher/command_parts.hpp"
#include "publisher/nodes_view.hpp"
#include "publisher/withdrawing.hpp"

namespace shoal::publisher {
namespace {

using cli::Invocation;

constexpr std::chrono::seconds watch_interval{2};

Status run_withdraw(Invocation& call) {
  SHOAL_TRY(const VersionRef target, version_argument(call.get("ORG/NAME@VERSION"), call.get("VERSION")));
  const std::string reason = call.get("--reason");
  if (reason.empty()) return fail(ErrorCode::usage, "--reason must say why: everyone who requests the release sees it");
  SHOAL_TRY(Desk desk, Desk::open(call));
  SHOAL_CHECK(require_publisher(*desk.session));
  SHOAL_TRY(Signer signer, load_signer(call, desk.session->state()));
  SHOAL_CHECK(withdraw_release(*desk.session, *desk.tracker, signer, {target.model, target.version, reason}));
  call.out.result({{"type", "withdrawn"}, {"model", target.model.str()}, {"version", target.version.str()}, {"reason", reason}},
                  target.str() + " is withdrawn: " + reason);
  return {};
}

Result<NodeFilter> filter_of(const Invocation& call) {
  NodeFilter filter;
  if (!call.get("--model").empty()) {
    SHOAL_TRY(filter.model, ModelName::parse(call.get("--model")).within("--model"));
  }
  if (!call.get("--channel").empty()) {
    SHOAL_TRY(const ChannelRef channel, ChannelRef::parse(call.get("--channel")).within("--channel"));
    filter.model = channel.model;
    filter.channel = channel.channel;
  }
  if (!call.get("--in-state").empty()) {
    SHOAL_TRY(filter.state, parse_node_state(call.get("--in-state")).within("--in-state"));
  }
  if (!call.get("--site").empty()) filter.site = call.get("--site");
  return filter;
}

/// Before each table of --watch on a terminal.
constexpr const char* clear_screen = "\x1b[H\x1b[2J";

Status list_nodes(const Invocation& call, const Desk& desk, const NodeFilter& filter, const std::string& before) {
  SHOAL_TRY(auto nodes, desk.tracker->nodes());
  const WallTime now = desk.clock->now();
  const auto lines = node_lines(std::move(nodes), filter, now);
  if (!call.out.json()) call.out.result({}, before + nodes_text(lines, now));
  else
    for (const NodeLine& line : lines) call.out.result(to_json(line, now), "");
  return {};
}

/// A tracker that does not answer for a while ends no watch.
Status watch_nodes(Invocation& call, const Desk& desk, const NodeFilter& filter) {
  const std::string before = ::isatty(STDOUT_FILENO) == 1 ? clear_screen : "";
  do {
    const Status shown = list_nodes(call, desk, filter, before);
    if (!shown.ok() && shown.error().code != ErrorCode::unreachable) return shown;
    if (!shown.ok() && !call.shutdown.requested()) call.out.message(shown.error().message);
  } while (sleep_for(watch_interval, call.shutdown.token()));
  return {};
}

Status run_nodes(Invocation& call) {
  SHOAL_TRY(const NodeFilter filter, filter_of(call));
  SHOAL_TRY(Desk desk, Desk::open(call));
  if (call.on("--watch")) return watch_nodes(call, desk, filter);
  SHOAL_CHECK(list_nodes(call, desk, filter, ""));
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
       "  shoal release withdraw acme/llama@1.1 --reason \"wrong weights\" --key ~/fleet-keys/publisher.key",
       {{.name = "ORG/NAME@VERSION", .help = "the version to withdraw", .names = "release"},
        {.name = "VERSION", .help = "after ORG/NAME, the old form", .required = false, .hidden = true}},
       {state_option,
        key_option,
        {.name = "--reason", .value = "TEXT", .help = "why; shown to everyone who requests the version", .required = true}},
       run_withdraw,
       cli::topic_publish,
       {"withdraw", "release delete", "release remove", "release revoke", "unpublish", "yank"},
       cli::member_failures({ErrorCode::not_found})},
      {"nodes list",
       "show which node runs which version",
       "A line for each node, by its last report, the worst state first; then a summary, and reasons that the table had to cut.\n"
       "SEEN is the age of the report, RUNS the active version of each followed channel, WANTS what it should run instead. Reports\n"
       "are for people: they are not signed.\n\n"
       "States: revoked, gone (its certificate has expired), unseen (no report since the tracker started), silent (none for three\n"
       "minutes), failed, halted, stalled, waiting, fetching, switching, active, idle (follows nothing).\n\n"
       "  shoal nodes list --channel acme/llama:main --in-state failed\n"
       "  shoal nodes list --watch",
       {},
       {state_option,
        {.name = "--model",
         .value = "ORG/NAME",
         .help = "only nodes that follow a channel of this model",
         .flag_only = true,
         .names = "model"},
        {.name = "--channel",
         .value = "ORG/NAME:CHANNEL",
         .help = "only nodes that follow this channel",
         .flag_only = true,
         .names = "channel"},
        {.name = "--site", .value = "SITE", .help = "only nodes of this site", .flag_only = true},
        {.name = "--in-state",
         .value = "STATE",
         .help = "only nodes in this state, such as failed",
         .flag_only = true,
         .words = node_state_names()},
        {.name = "--watch", .value = "", .help = "show the list again every two seconds, until interrupted", .flag_only = true}},
       run_nodes,
       cli::topic_look,
       {"node list", "node ls", "nodes ls", "nodes status", "machines", "machine list", "fleet status", "fleet list", "fleet show"},
       cli::member_failures()}};
}

}  // namespace shoal::publisher
