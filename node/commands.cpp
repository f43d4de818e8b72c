#include "node/commands.hpp"

#include <limits.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "cli/advertise_option.hpp"
#include "cli/state_option.hpp"
#include "cli/tracker_url.hpp"
#include "member/trust_chain.hpp"
#include "node/agent_commands.hpp"
#include "node/fleet_view.hpp"
#include "node/gc_commands.hpp"
#include "node/joining.hpp"
#include "node/mirror_options.hpp"
#include "node/models_view.hpp"
#include "node/moving.hpp"
#include "node/pin_commands.hpp"
#include "node/pull_report.hpp"
#include "node/pull_reporter.hpp"
#include "node/puller.hpp"
#include "node/repairer.hpp"
#include "node/stall_option.hpp"
#include "node/through_node.hpp"
#include "registry/machine_name.hpp"

namespace shoal::node {
namespace {

using cli::Invocation;
using cli::state_option;
using member::MemberSession;

const cli::Option listen_option{.name = "--listen",
                                .value = "ADDR:PORT",
                                .help = "where other machines reach this one; port 0 takes any",
                                .fallback = "[::]:7000",
                                .config_key = "listen"};

const cli::Option allow_code_option{
    .name = "--allow-code-formats",
    .help = "accept files that may execute code when they are loaded, such as pickles, if the publisher allows them as well",
    .config_key = "allow_code_formats"};

/// Firewalls expect the port that the user chose, and no other.
bool is_default_port(const Invocation& call) { return call.get("--listen") == listen_option.fallback; }

constexpr ByteCount token_limit = 64 * KiB;

/// By its descriptor: after 'sudo -u shoal', the terminal behind /dev/stdin is another user's and cannot be opened.
Result<std::string> read_standard_input() {
  std::string text;
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("standard input", errno);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > token_limit) return fail("standard input: longer than a token");
  }
}

/// The arguments of a process are there for every user to read (/proc/PID/cmdline): "-" is standard input.
Result<std::string> token_text(const Invocation& call) {
  const std::string word = call.get("TOKEN"), file = call.get("--token-file");
  if (word.empty() == file.empty()) return fail(ErrorCode::usage, "give the token in --token-file, on standard input ('-'), or as TOKEN");
  if (!word.empty() && word != "-") return word;
  SHOAL_TRY(std::string text, (file.empty() ? read_standard_input() : read_file(file, token_limit)).within("the token"));
  const auto end = text.find_last_not_of(" \t\r\n");
  text.erase(end == std::string::npos ? 0 : end + 1);
  return text;
}

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

std::string machine_text(const std::string& id, const std::string& name) { return name.empty() ? id : name + " (" + id + ")"; }

/// `join --tracker URL` without a token, on a machine that has joined.
Status run_move(Invocation& call, const HostPort& tracker) {
  SystemClock clock;
  const std::string state = call.get("--state");
  SHOAL_TRY(Moved moved, move_tracker(state, tracker, clock, call.shutdown.token()));
  call.out.result({{"type", "moved"}, {"before", moved.before.str()}, {"tracker", moved.now.str()}},
                  "this machine now reaches the tracker at " + moved.now.str() + " instead of " + moved.before.str() +
                      "; a node or seeder that runs on " + state + " does after a restart");
  return {};
}

Status run_join(Invocation& call) {
  SystemClock clock;
  JoinRequest request;
  std::optional<HostPort> tracker;
  if (const std::string url = call.get("--tracker"); !url.empty()) {
    SHOAL_TRY(tracker, cli::parse_tracker_url(url).within("--tracker"));
    if (call.get("TOKEN").empty() && call.get("--token-file").empty()) return run_move(call, *tracker);
  }
  SHOAL_TRY(const std::string text, token_text(call));
  SHOAL_TRY(request.token, identity::JoinToken::decode(text));
  if (tracker) request.token.tracker = *tracker;
  if (std::string root = call.get("--trust-root"); !root.empty()) {
    SHOAL_TRY(request.trust_root, manifest::TrustFingerprint::from_hex(root).within("--trust-root"));
  }
  request.name = call.get("--name").empty() ? registry::name_from_host(host_name()) : call.get("--name");
  request.site = call.get("--site");
  SHOAL_CHECK(registry::check_machine_name(request.name, "--name"));
  SHOAL_CHECK(registry::check_site(request.site, "--site"));
  request.replace = call.on("--replace");
  fs::path state = call.get("--state");
  SHOAL_TRY(Joined joined, join(state, request, clock, call.shutdown.token()));
  std::string id = joined.identity.id.str(), role(identity::name(joined.identity.role));
  call.out.result({{"type", "joined"},
                   {"id", id},
                   {"name", request.name},
                   {"role", role},
                   {"fleet", joined.identity.fleet.str()},
                   {"certificate_until", format_time(joined.certificate_until)}},
                  "joined fleet " + joined.identity.fleet.str() + " as " + role + " " + machine_text(id, request.name) +
                      "; the certificate renews itself from " + state.string());
  return {};
}

/// Serves what was fetched until the time is up; being interrupted now is no failure.
void keep_seeding(Invocation& call, Node& node, const InfoHash& content, std::chrono::milliseconds duration) {
  if (duration.count() == 0) return;
  call.out.message("seeding for " + format_duration(duration) + "; interrupt to stop");
  auto until = std::chrono::steady_clock::now() + duration;
  while (std::chrono::steady_clock::now() < until && sleep_for(std::chrono::milliseconds(500), call.shutdown.token())) {
    auto progress = node.swarm().progress(content);
    if (!progress) continue;
    call.out.progress({"seeding",
                       progress->done,
                       progress->size,
                       progress->upload_rate,
                       std::to_string(progress->peers) + " peers, " + format_bytes(progress->sent) + " sent",
                       {{"sent", progress->sent}}});
  }
  call.out.progress_done();
}

Status run_pull(Invocation& call) {
  SystemClock clock;
  SHOAL_TRY(Reference reference, parse_reference(call.get("REF")));
  NodeOptions options;
  SHOAL_TRY(options.listen, call.address("--listen"));
  options.any_port_if_taken = is_default_port(call);
  SHOAL_TRY(options.advertise, cli::advertised(call));
  SHOAL_TRY(auto seed_for, call.duration("--seed-for"));
  SHOAL_TRY(options.upload_limit, call.rate("--upload-limit"));
  SHOAL_TRY(options.scrub_rate, call.rate("--scrub-rate"));
  SHOAL_CHECK(read_mirror_options(call, options));
  SHOAL_CHECK(read_stall_option(call, options));
  SHOAL_TRY(const bool done_by_node, pull_through_node(call, reference));
  if (done_by_node) return {};
  SHOAL_TRY(auto session, MemberSession::open(call.get("--state"), clock, MemberSession::Use::exclusive));
  SHOAL_CHECK(session->require_role({identity::Role::node, identity::Role::seeder}, "pull"));
  Shelf shelf(session->state());
  SHOAL_TRY(auto cache, cache_of(call, session->state(), reference.model));
  auto registry = session->client(call.shutdown.token());
  SHOAL_CHECK(member::follow_trust_roots(*session, *registry));
  SHOAL_TRY(Wanted wanted, Resolver(*registry, *session->verifier(), shelf, clock).resolve(reference));
  if (cache && reference.version) SHOAL_CHECK(cache->check_free(reference.model, *reference.version, wanted.release.id()));
  SHOAL_TRY(auto node, Node::start(*session, options));
  PullRequest request{reference, std::nullopt, call.on("--allow-code-formats")};
  if (std::string to = call.get("--to"); !to.empty()) request.to = to;
  Puller puller(*session, shelf, *node, call.out, call.shutdown.token());
  PullReporter reporter(*session, *node, wanted.release.id(), wanted.release->swarm.info_hash, "shoal " + call.software);
  SHOAL_TRY(PullReport report, puller.pull(request, wanted, *registry));
  reporter.complete();
  if (cache) SHOAL_CHECK(put_into(*cache, reference, wanted.release, report.path, call.out));
  call.out.result(complete_line(report), complete_text(report));
  keep_seeding(call, *node, wanted.release->swarm.info_hash, seed_for);
  return {};
}

/// Whom nobody can introduce to the others cannot repair anything: better said at once than waited for.
Status repair_all(Invocation& call, MemberSession& session, const std::vector<Examined>& all) {
  NodeOptions options;
  SHOAL_TRY(options.listen, call.address("--listen"));
  SHOAL_TRY(options.advertise, cli::advertised(call));
  options.any_port_if_taken = is_default_port(call);
  auto registry = session.client(call.shutdown.token());
  std::unique_ptr<Node> node;
  for (const Examined& examined : all) {
    if (examined.problems.empty()) continue;
    SHOAL_CHECK(registry->release(examined.release.id()).within("cannot repair " + title(*examined.release)));
    if (!node) {
      SHOAL_TRY(node, Node::start(session, options));
    }
    SHOAL_CHECK(Repairer(session, *node, call.out, call.shutdown.token()).repair(examined));
  }
  return {};
}

Status run_verify(Invocation& call) {
  SystemClock clock;
  const bool repair = call.on("--repair");
  if (repair) {
    SHOAL_TRY(const bool done_by_node, repair_through_node(call));
    if (done_by_node) return {};
  }
  SHOAL_TRY(auto session,
            MemberSession::open(call.get("--state"), clock, repair ? MemberSession::Use::exclusive : MemberSession::Use::shared));
  if (repair) SHOAL_CHECK(session->require_role({identity::Role::node, identity::Role::seeder}, "fetch what is wrong (--repair)"));
  SHOAL_TRY(auto all, examine(*session, {call.get("REF"), call.get("--in")}, call.out, call.shutdown.token()));
  return repair ? repair_all(call, *session, all) : verdict_of(all);
}

Status run_models(Invocation& call) {
  std::optional<ModelName> model;
  if (!call.get("MODEL").empty()) {
    SHOAL_TRY(model, ModelName::parse(call.get("MODEL")).within("MODEL"));
  }
  SystemClock clock;
  SHOAL_TRY(auto session, MemberSession::open(call.get("--state"), clock, MemberSession::Use::shared));
  return show_models(*session, model, call.out, call.shutdown.token());
}

Status run_status(Invocation& call) {
  SystemClock clock;
  SHOAL_TRY(auto session, MemberSession::open(call.get("--state"), clock, MemberSession::Use::shared));
  return show_status(*session, call.out, call.shutdown.token());
}

Status run_channel_list(Invocation& call) {
  SystemClock clock;
  SHOAL_TRY(ModelName model, ModelName::parse(call.get("MODEL")));
  SHOAL_TRY(auto session, MemberSession::open(call.get("--state"), clock, MemberSession::Use::shared));
  return list_channels(*session, model, call.out, call.shutdown.token());
}

cli::Command join_command() {
  return {"join",
          "enrol this machine in a fleet with a token",
          "The token has the tracker's address and the fingerprints of its CA and of the fleet's trust root; the machine checks both.\n"
          "It makes its keys here, and they never leave it. The certificate is valid for a day and renews itself while a command runs.\n\n"
          "A token is a secret, and every user of a machine can read the arguments of a process: give it in a file, on standard input,\n"
          "or in SHOAL_TOKEN.\n\n"
          "When the tracker has moved ('shoal tracker move'), --tracker without a token tells a machine its new address.\n\n"
          "  shoal join --token-file token\n"
          "  shoal join - < token\n"
          "  shoal join --tracker https://tracker2.example:7443",
          {{"TOKEN", "what 'shoal token create' printed; - reads it from standard input", false, "SHOAL_TOKEN"}},
          {state_option,
           {.name = "--token-file", .value = "FILE", .help = "read the token from this file"},
           {.name = "--name", .value = "NAME", .help = "human-readable name, shown by status; default: the host name"},
           {.name = "--site", .value = "SITE", .help = "site label; about one copy of a checkpoint is sent to each site"},
           {.name = "--tracker",
            .value = "URL",
            .help = "where the tracker is, instead of what the token says; without a token, where it moved; port 7443 if you leave it out",
            .flag_only = true},
           {.name = "--replace", .help = "give up this machine's identity; fetched releases stay"},
           {.name = "--trust-root",
            .value = "FINGERPRINT",
            .help = "SHA-256 of the trust root, 64 hexadecimal digits, from a source other than the token",
            .rare = true}},
          run_join,
          cli::topic_set_up,
          {"login", "enroll", "enrol", "register", "init", "node join"},
          cli::member_failures()};
}

cli::Command pull_command() {
  return {
      "pull",
      "fetch a model, verified, from the fleet",
      "REF is org/name (its channel main), org/name@version or org/name:channel. Files appear only when every one of them has the\n"
      "SHA-256 that the publisher signed: below DIR/releases, with a link DIR/models/org/name/channel, or in --to.\n"
      "A pull that was interrupted, or that ran out of space (exit code 14), continues where it stopped. Progress is compared with the\n"
      "best rate seen during this fetch.\n\n"
      "Where 'shoal node run' uses DIR, that node fetches the model with its own network settings and goes on serving it. Ctrl-C stops\n"
      "the fetch, unless the node needs it for a channel that it follows. The link of a followed channel moves by the node alone.\n\n"
      "With --hf-cache the same files also appear in the layout of the Hugging Face cache, so that the model's name is enough for\n"
      "transformers, vLLM or llama.cpp: HF_HUB_CACHE=DIR HF_HUB_OFFLINE=1 vllm serve acme/llama\n\n"
      "  shoal pull acme/llama\n"
      "  shoal pull acme/llama@1.2 --to /srv/models/llama --seed-for 10m",
      {{.name = "REF", .help = "org/name, org/name@version or org/name:channel", .names = "reference"}},
      {state_option,
       {.name = "--to", .value = "DIR", .help = "put the files here (must be empty or not exist) instead of below --state"},
       {.name = "--hf-cache",
        .value = "DIR",
        .help = "also show it in this Hugging Face cache, by hard links; must be on the file system of --state",
        .config_key = "hf_cache"},
       allow_code_option,
       listen_option,
       cli::advertise_option,
       {.name = "--seed-for",
        .value = "TIME",
        .help = "serve to others after the fetch, such as 10m",
        .fallback = "0s",
        .config_key = "seed_for"},
       {.name = "--upload-limit",
        .value = "RATE",
        .help = "upload limit per second, such as 20MB; 0 is no limit",
        .fallback = "0",
        .config_key = "upload_limit"},
       {.name = "--scrub-rate",
        .value = "RATE",
        .help = "while serving, re-read served data at this rate, such as 20MB, to detect and repair bit rot; 0 disables",
        .fallback = "0",
        .config_key = "scrub_rate",
        .rare = true},
       mirror_after_option(),
       mirror_ca_option(),
       stall_after_option()},
      run_pull,
      cli::topic_run,
      {"download", "fetch", "get", "install", "sync", "clone"},
      cli::member_failures({ErrorCode::not_found})};
}

cli::Command verify_command() {
  return {
      "verify",
      "hash the files of this machine's releases again and compare",
      "Needs no tracker: the signed release is kept beside the files. Without REF every release is checked. Every damaged file is\n"
      "named, with its pieces, and the exit code is 11; nothing is changed.\n\n"
      "With --repair only the damaged pieces are fetched again from the fleet. Each damaged file is replaced by one rename once it is\n"
      "right, so a program that has it open keeps the file that it opened. This needs the tracker and free space for a copy\n"
      "of the damaged files. Where 'shoal node run' uses DIR, that node makes the repair. Exit code 0: all files are as signed again.\n\n"
      "  shoal verify\n"
      "  shoal verify acme/llama --repair\n"
      "  shoal verify acme/llama@1.2 --in /srv/models/llama",
      {{.name = "REF", .help = "org/name, org/name@version or org/name:channel", .required = false, .names = "reference"}},
      {state_option,
       {.name = "--in", .value = "DIR", .help = "the directory that 'pull --to' filled"},
       {.name = "--repair", .help = "fetch damaged pieces from the fleet and replace the files"},
       listen_option,
       cli::advertise_option},
      run_verify,
      cli::topic_run,
      {"check", "validate", "repair", "fsck"},
      cli::member_failures({ErrorCode::not_found})};
}

}  // namespace

std::vector<cli::Command> commands() {
  std::vector<cli::Command> all{
      join_command(),
      pull_command(),
      verify_command(),
      {"status",
       "show this machine and what the tracker sees of the fleet",
       "Local facts come first; exit code 13 when the tracker cannot be asked.\n\n  shoal status",
       {},
       {state_option},
       run_status,
       cli::topic_look,
       {"node status", "info", "ps", "nodes show", "node show"},
       cli::member_failures()},
      {"models",
       "show the models of the fleet, their versions and who has them",
       "Without MODEL: a line for each model. With MODEL: a line for each of its versions, with its format, the channels that point at it\n"
       "and the nodes that run it. COMPLETE and FETCHING count machines that announce the version to the tracker.\n\n"
       "  shoal models\n"
       "  shoal models acme/llama",
       {{.name = "MODEL", .help = "org/name", .required = false, .names = "model"}},
       {state_option},
       run_models,
       cli::topic_look,
       {"list", "ls", "model", "model list", "models list", "release list", "releases", "search", "versions", "version list"},
       cli::member_failures({ErrorCode::not_found})},
      {"channel list",
       "show the channels of a model and the versions they point at",
       "Pointers and releases are verified against the trust root before they are shown.\n\n  shoal channel list acme/llama",
       {{.name = "MODEL", .help = "org/name", .names = "model"}},
       {state_option},
       run_channel_list,
       cli::topic_look,
       {"channel ls", "channels", "channel show", "channel status", "channel get"},
       cli::member_failures({ErrorCode::not_found})}};
  for (auto* more : {gc_commands, pin_commands, agent_commands})
    for (auto& command : more()) all.push_back(std::move(command));
  return all;
}

}  // namespace shoal::node
