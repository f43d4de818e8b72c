#include "node/agent_commands.hpp"

#include "cli/advertise_option.hpp"
#include "cli/state_option.hpp"
#include "metrics/exporter.hpp"
#include "node/agent.hpp"
#include "node/follow_rule.hpp"
#include "node/gateway_option.hpp"
#include "node/mirror_options.hpp"
#include "node/stall_option.hpp"

namespace shoal::node {
namespace {

using cli::Invocation;
using cli::state_option;
using member::MemberSession;

constexpr std::chrono::seconds patience{30};

const cli::Option hook_option{
    .name = "--hook",
    .value = "HOOK",
    .help =
        "run this after each switch, such as exec:/usr/local/bin/reload, systemd:UNIT, http://..., vllm:URL, sglang:URL,\n"
        "triton:URL or llama.cpp:URL",
    .repeatable = true,
    .config_key = "hook",
    .has_commas = true,
    .check = [](const std::string& text) { return cli::checked(parse_hook(text)); },
    .words = {"exec:", "shell:", "systemd:", "http:", "https:", "vllm:", "sglang:", "triton:", "llama.cpp:"}};

Result<std::vector<Hook>> hooks_of(const Invocation& call) {
  std::vector<Hook> hooks;
  for (const std::string& text : call.all("--hook")) {
    SHOAL_TRY(Hook hook, parse_hook(text).within("--hook"));
    hooks.push_back(std::move(hook));
  }
  return hooks;
}

/// What SIGHUP reads again.
const std::set<std::string> changeable{"--follow", "--hook", "--upload-limit", "--download-limit", "--schedule"};

Result<AgentSettings> agent_settings(const Invocation& call) {
  AgentSettings settings;
  SHOAL_TRY(settings.hooks, hooks_of(call));
  SHOAL_TRY(settings.limits.upload, call.rate("--upload-limit"));
  SHOAL_TRY(settings.limits.download, call.rate("--download-limit"));
  SHOAL_TRY(settings.schedule, BandwidthSchedule::parse(call.all("--schedule")).within("--schedule"));
  for (const std::string& text : call.all("--follow")) {
    SHOAL_TRY(Subscription follow, parse_follow(text).within("--follow"));
    settings.follow.push_back(std::move(follow));
  }
  return settings;
}

Result<AgentOptions> agent_options(const Invocation& call) {
  AgentOptions options;
  SHOAL_TRY(options.settings, agent_settings(call));
  options.node.upload_limit = options.settings.limits.upload;
  options.node.download_limit = options.settings.limits.download;
  SHOAL_CHECK(read_mirror_options(call, options.node));
  SHOAL_CHECK(read_stall_option(call, options.node));
  SHOAL_TRY(options.node.listen, call.address("--listen"));
  SHOAL_TRY(options.node.advertise, cli::advertised(call));
  SHOAL_TRY(options.node.scrub_rate, call.rate("--scrub-rate"));
  SHOAL_TRY(options.retention.quota, call.size("--quota"));
  SHOAL_TRY(options.hook_options.timeout, call.duration("--hook-timeout"));
  options.hugging_face_cache = call.get("--hf-cache");
  options.allow_code_formats = call.on("--allow-code-formats");
  SHOAL_TRY(options.gateway, gateway_address(call));
  options.software = "shoal " + call.software;
  return options;
}

Status run_node(Invocation& call) {
  SystemClock system;
  FlooredClock clock(system, call.get("--state"));
  SHOAL_TRY(AgentOptions options, agent_options(call));
  SHOAL_TRY(auto session, MemberSession::open(call.get("--state"), system, MemberSession::Use::exclusive));
  SHOAL_CHECK(session->require_role({identity::Role::node, identity::Role::seeder}, "follow channels"));
  SHOAL_TRY(auto agent, Agent::start(*session, clock, std::move(options), call.out));
  auto apply = [&agent](const Invocation& now) -> Status {
    SHOAL_TRY(AgentSettings settings, agent_settings(now));
    agent->change(std::move(settings));
    return {};
  };
  cli::Service service(call, system, {changeable, apply});
  SHOAL_TRY(HostPort metrics, cli::metrics_address(call));
  auto health = [&service] { return metrics::Health{service.health().alive, service.health().ready}; };
  auto describe = [&agent](metrics::Page& page) { agent->describe(page); };
  SHOAL_TRY(auto exporter, metrics::Exporter::start(metrics, {"node", call.software, session->credentials(), system, describe, health}));
  agent->run(service);
  return {};
}

Status run_follow(Invocation& call) {
  SystemClock clock;
  SHOAL_TRY(ChannelKey key, parse_channel_key(call.get("REF")));
  SHOAL_TRY(auto hooks, hooks_of(call));
  SHOAL_TRY(auto session, MemberSession::open(call.get("--state"), clock, MemberSession::Use::shared));
  SHOAL_TRY(bool is_new, SubscriptionFile(session->state()).add({key, call.all("--hook")}));
  SHOAL_TRY(auto running, ask_node(session->state(), {{"command", "status"}}, patience));
  const std::string link = Shelf(session->state()).link({key.model, std::nullopt, key.channel}).string();
  call.out.result(
      {{"type", "followed"},
       {"model", key.model.str()},
       {"channel", key.channel.str()},
       {"new", is_new},
       {"path", link},
       {"running", running.has_value()}},
      (is_new ? "follows " : "followed already: ") + key.str() + "; its files appear as " + link +
          (running ? "" : "\nno node runs here yet: start one with 'shoal node run --state " + session->state().string() + "'"));
  return {};
}

Status run_unfollow(Invocation& call) {
  SHOAL_TRY(ChannelKey key, parse_channel_key(call.get("REF")));
  const fs::path state = call.get("--state");
  SHOAL_CHECK(SubscriptionFile(state).remove(key));
  SHOAL_CHECK(TrackStore(state).forget(key));
  if (call.on("--remove")) SHOAL_CHECK(Shelf(state).unlink({key.model, std::nullopt, key.channel}));
  call.out.result(
      {{"type", "unfollowed"}, {"model", key.model.str()}, {"channel", key.channel.str()}, {"removed", call.on("--remove")}},
      key.str() + " is not followed any more" + (call.on("--remove") ? "; its files go with the next gc" : "; its files stay as they are"));
  return {};
}

Status run_limit(Invocation& call) {
  SHOAL_TRY(auto duration, call.duration("--for"));
  Json request{{"command", "limit"}, {"seconds", std::chrono::duration_cast<std::chrono::seconds>(duration).count()}};
  for (const std::string direction : {"upload", "download"}) {
    if (call.get("--" + direction).empty()) continue;
    SHOAL_TRY(request[direction], call.rate("--" + direction));
  }
  if (request.size() == 2) return fail(ErrorCode::usage, "give --upload, --download or both: there is nothing to limit");
  SHOAL_TRY(auto answer, ask_node(call.get("--state"), request, patience));
  if (!answer)
    return fail(ErrorCode::not_found,
                "no node is running on " + call.get("--state") +
                    ": start one with 'shoal node run --download-limit 20MB', or set download_limit in its configuration file");
  auto shown = [](ByteCount rate) { return rate == 0 ? std::string("unlimited") : format_bytes(rate) + "/s"; };
  auto now = [&](const std::string& direction) {
    return direction + " " + shown(answer->value(direction + "_limit", ByteCount{0})) +
           (request.contains(direction) ? " for " + format_duration(duration) : "");
  };
  call.out.result(*answer, now("upload") + ", " + now("download"));
  return {};
}

cli::Command node_run_command() {
  return {
      .path = "node run",
      .summary = "follow channels: fetch, verify and switch to each new version, and serve it to others",
      .details =
          "The node fetches a new version as soon as its channel moves, verifies it, and switches to it in one atomic step. Inference "
          "servers\n"
          "open DIR/models/org/name/channel. Hooks run after the switch; if one fails, the node undoes the switch and retries later. The\n"
          "active version stays active whatever happens to the tracker, the source or the network.\n\n"
          "  shoal node run --follow acme/llama:main --hook systemd:vllm.service\n"
          "  shoal follow acme/llama:canary      (from another shell; takes effect at once)",
      .positionals = {},
      .options = {state_option,
                  {.name = "--listen",
                   .value = "ADDR:PORT",
                   .help = "where other machines reach this one; port 0 takes any",
                   .fallback = "[::]:7000",
                   .config_key = "listen"},
                  cli::advertise_option,
                  {.name = "--follow",
                   .value = "REF",
                   .help = "channel to follow, as org/name:channel",
                   .repeatable = true,
                   .config_key = "follow",
                   .fields = follow_fields(),
                   .check = [](const std::string& text) { return cli::checked(parse_follow(text)); },
                   .names = "channel"},
                  hook_option,
                  {.name = "--hook-timeout",
                   .value = "TIME",
                   .help = "time limit of a hook; one that takes longer has failed",
                   .fallback = "60s",
                   .config_key = "hook_timeout"},
                  {.name = "--hf-cache",
                   .value = "DIR",
                   .help = "also show what is active in the Hugging Face cache layout (HF_HUB_CACHE=DIR, HF_HUB_OFFLINE=1)",
                   .config_key = "hf_cache"},
                  {.name = "--quota",
                   .value = "SIZE",
                   .help = "maximum size of all releases together; active, previous and pinned ones stay. 0: no quota",
                   .fallback = "0",
                   .config_key = "quota"},
                  {.name = "--upload-limit",
                   .value = "RATE",
                   .help = "upload limit per second, such as 20MB; 0 is no limit",
                   .fallback = "0",
                   .config_key = "upload_limit"},
                  {.name = "--download-limit",
                   .value = "RATE",
                   .help = "download limit per second, such as 50MB; 0 is no limit",
                   .fallback = "0",
                   .config_key = "download_limit"},
                  {.name = "--schedule",
                   .value = "RULE",
                   .help = "bandwidth limits by time of day, such as 'mon-fri 08:00-18:00 up=10MB down=50MB'; the last matching rule wins",
                   .repeatable = true,
                   .config_key = "schedule",
                   .has_commas = true,
                   .check = [](const std::string& text) { return cli::checked(BandwidthSchedule::parse({text})); }},
                  {.name = "--scrub-rate",
                   .value = "RATE",
                   .help = "re-read served data at this rate, such as 20MB, to detect and repair bit rot; 0 disables",
                   .fallback = "0",
                   .config_key = "scrub_rate",
                   .rare = true},
                  mirror_after_option(),
                  mirror_ca_option(),
                  stall_after_option(),
                  {.name = "--allow-code-formats",
                   .help = "accept files that may execute code when they are loaded, such as pickles, if the publisher allows them as well",
                   .config_key = "allow_code_formats"},
                  gateway_option(),
                  cli::metrics_option()},
      .run = run_node,
      .topic = cli::topic_run,
      .also = {"node", "daemon", "agent", "start", "node start", "run"},
      .failures = cli::member_failures(),
      .service = true};
}

}  // namespace

std::vector<cli::Command> agent_commands() {
  return {
      node_run_command(),
      {"follow",
       "follow a channel on this machine",
       "The running node (shoal node run) follows it at once, and again after every restart.\n\n"
       "  shoal follow acme/llama:main --hook vllm:http://127.0.0.1:8000",
       {{.name = "REF", .help = "org/name (its channel main) or org/name:channel", .names = "channel"}},
       {state_option, hook_option},
       run_follow,
       cli::topic_run,
       {"subscribe", "watch"},
       {ErrorCode::verification, ErrorCode::not_enrolled, ErrorCode::no_space}},
      {"unfollow",
       "stop following a channel",
       "What is active stays as it is, unless --remove is given.\n\n  shoal unfollow acme/llama:main --remove",
       {{.name = "REF", .help = "org/name (its channel main) or org/name:channel", .names = "followed"}},
       {state_option, {.name = "--remove", .help = "also remove the link, so that gc may delete the files"}},
       run_unfollow,
       cli::topic_run,
       {"unsubscribe", "unwatch"},
       {ErrorCode::not_found, ErrorCode::no_space}},
      {"limit",
       "limit what a running node sends and receives, for a time",
       "Takes effect within a second. Afterwards the configured limits and schedule apply again. A direction that is not named keeps its\n"
       "configured limit.\n\n"
       "  shoal limit --download 20MB --for 2h",
       {},
       {state_option,
        {.name = "--upload", .value = "RATE", .help = "limit per second, such as 20MB; 0 is no limit"},
        {.name = "--download", .value = "RATE", .help = "limit per second, such as 20MB; 0 is no limit"},
        {.name = "--for", .value = "TIME", .help = "how long", .fallback = "1h"}},
       run_limit,
       cli::topic_run,
       {"throttle", "bandwidth", "ratelimit", "rate"},
       {ErrorCode::not_found}}};
}

}  // namespace shoal::node
