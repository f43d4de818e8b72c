#include "seeder/commands.hpp"

#include "cli/advertise_option.hpp"
#include "cli/state_option.hpp"
#include "manifest/mirrors.hpp"
#include "member/trust_chain.hpp"
#include "metrics/exporter.hpp"
#include "publisher/command_parts.hpp"
#include "publisher/pointer_renewal.hpp"
#include "publisher/publisher.hpp"
#include "seeder/intake.hpp"
#include "seeder/seeder.hpp"
#include "seeder/watch_options.hpp"

namespace shoal::seeder {
namespace {

using cli::Invocation;
using cli::state_option;
using identity::Role;
using member::MemberSession;

/// For an end in order, before the process ends without it: a service manager is promised ten seconds.
constexpr std::chrono::seconds end_patience{8};

const cli::Option listen_option{.name = "--listen",
                                .value = "ADDR:PORT",
                                .help = "where other machines reach this one; port 0 takes any",
                                .fallback = "[::]:7000",
                                .config_key = "listen"};
const cli::Option upload_limit_option{.name = "--upload-limit",
                                      .value = "RATE",
                                      .help = "upload limit per second, such as 100MB; 0 is no limit",
                                      .fallback = "0",
                                      .config_key = "upload_limit"};
const cli::Option scrub_option{.name = "--scrub-rate",
                               .value = "RATE",
                               .help = "re-read served data in the background at this rate, such as 20MB, to detect bit rot; 0 disables",
                               .fallback = "0",
                               .config_key = "scrub_rate",
                               .rare = true};
const cli::Option directed_option{.name = "--directed",
                                  .value = "yes|no",
                                  .help = "ration pieces among the nodes, so that each leaves this machine about once",
                                  .fallback = "yes",
                                  .config_key = "directed",
                                  .words = {"yes", "no"},
                                  .rare = true};

const cli::Option renew_option{
    .name = "--renew",
    .value = "yes|no",
    .help = "with a publisher's key on this machine: renew the channel pointers that it may sign before they expire",
    .fallback = "yes",
    .config_key = "renew",
    .words = {"yes", "no"},
    .rare = true};

const cli::Option join_option{
    .name = "--join",
    .value = "DIR=REF",
    .help = "also serve this release (org/name@version), which another seeder published, from the same files in DIR",
    .repeatable = true,
    .config_key = "join",
    .has_commas = true,
    .fields = JoinRule::fields(),
    .check = [](const std::string& text) { return cli::checked(JoinRule::parse(text)); }};

Result<std::map<std::string, std::string>> labels_of(const Invocation& call) {
  std::map<std::string, std::string> labels;
  for (const std::string& text : call.all("--label")) {
    std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) return fail(ErrorCode::usage, "--label takes KEY=VALUE, not '" + printable(text) + "'");
    if (!labels.emplace(text.substr(0, equals), text.substr(equals + 1)).second)
      return fail(ErrorCode::usage, "--label " + printable(text.substr(0, equals)) + " is given twice");
  }
  return labels;
}

/// The second argument, or in the old form --model and --version.
Result<VersionRef> target_of(const Invocation& call) {
  const std::string reference = call.get("ORG/NAME@VERSION"), model = call.get("--model"), version = call.get("--version");
  if (!reference.empty() && model.empty() && version.empty()) return VersionRef::parse(reference);
  if (!reference.empty()) return fail(ErrorCode::usage, "give ORG/NAME@VERSION alone, without --model and --version");
  if (model.empty() || version.empty())
    return fail(ErrorCode::usage, "name what is published, such as acme/llama@1.0: 'shoal publish SRC ORG/NAME@VERSION'");
  SHOAL_TRY(ModelName name, ModelName::parse(model).within("--model"));
  SHOAL_TRY(VersionName parsed, VersionName::parse(version).within("--version"));
  return VersionRef{std::move(name), std::move(parsed)};
}

Result<publisher::PublishRequest> publish_request(const Invocation& call) {
  publisher::PublishRequest request;
  request.source = call.get("SRC");
  request.exclude = call.all("--exclude");
  SHOAL_TRY(const VersionRef target, target_of(call));
  request.model = target.model;
  request.version = target.version;
  SHOAL_TRY(ChannelName channel, ChannelName::parse(call.get("--channel")).within("--channel"));
  if (!call.on("--no-channel")) request.channel = channel;
  SHOAL_TRY(request.labels, labels_of(call));
  SHOAL_TRY(ByteCount rate, hash_rate_of(call));
  request.rate = std::make_shared<store::ReadRate>(rate);
  request.mirrors = call.all("--mirror");
  SHOAL_CHECK(manifest::check_mirrors(request.mirrors).within("--mirror"));
  request.parent = call.get("--parent");
  request.allow_code_formats = call.on("--allow-code-formats");
  request.model_signature = !call.on("--no-model-signature");
  request.align_files = call.on("--align-files");
  return request;
}

Status publish(Invocation& call, MemberSession& session, const publisher::PublishRequest& request) {
  SHOAL_TRY(publisher::Signer signer, publisher::load_signer(call, session.state()));
  auto tracker = session.client(call.shutdown.token());
  SHOAL_CHECK(member::follow_trust_roots(session, *tracker));
  SHOAL_TRY(publisher::PublishReport report,
            publisher::Publisher(session, *tracker, signer, call.out, call.shutdown.token()).publish(request));
  call.out.result(publisher::published_line(request, report), publisher::published_text(request, report));
  return {};
}

struct Serving {
  HostPort listen;
  swarm::SwarmOptions swarm;
  bool renew = true;
};

Result<bool> yes_or_no(const Invocation& call, const std::string& option) {
  const std::string value = call.get(option);
  if (value == "yes" || value == "no") return value == "yes";
  return fail(ErrorCode::usage, option + " is yes or no, not '" + printable(value) + "'");
}

Result<Serving> serving_of(const Invocation& call) {
  Serving serving;
  SHOAL_TRY(serving.swarm.directed, yes_or_no(call, "--directed"));
  SHOAL_TRY(serving.renew, yes_or_no(call, "--renew"));
  SHOAL_TRY(serving.listen, call.address("--listen"));
  SHOAL_TRY(serving.swarm.advertise, cli::advertised(call));
  SHOAL_TRY(serving.swarm.scrub_rate, call.rate("--scrub-rate"));
  SHOAL_TRY(serving.swarm.upload_limit, call.rate("--upload-limit"));
  return serving;
}

Result<std::unique_ptr<MemberSession>> open_to_publish(const fs::path& state, const Clock& clock, bool seed) {
  if (!seed) return MemberSession::open(state, clock, MemberSession::Use::shared);
  auto session = MemberSession::open(state, clock, MemberSession::Use::exclusive);
  if (session.ok() || session.error().code != ErrorCode::conflict) return session;
  const auto holder = lock_holder(state);
  if (!holder || (!holder->command.ends_with(" seed") && !holder->command.ends_with(" publish"))) return session;
  return fail(ErrorCode::conflict,
              state.string() + " is in use by " + holder->str() + ": omit --seed, and that process serves the release");
}

/// None where this machine has no publisher's key.
Result<std::optional<publisher::Signer>> signer_for_renewal(const Invocation& call, const Serving& serving, const fs::path& state) {
  if (!serving.renew || !publisher::Signer::is_at_hand(call.all("--key"), state)) return std::optional<publisher::Signer>();
  SHOAL_TRY(publisher::Signer signer, publisher::load_signer(call, state));
  return std::optional(std::move(signer));
}

/// SIGHUP: the limit, and where there is one the intake, follow the configuration file.
Status serve(Invocation& call, MemberSession& session, Seeder& seeder, std::optional<publisher::Signer> signer, Intake* intake = nullptr) {
  std::optional<publisher::PointerRenewal> renewal;
  if (signer) renewal.emplace(session, std::move(*signer), call.out);
  auto apply = [&](const Invocation& now) -> Status {
    SHOAL_TRY(Serving serving, serving_of(now));
    if (intake != nullptr) {
      SHOAL_TRY(IntakePlan plan, intake_plan_of(now, session.state()));
      intake->follow(plan);
    }
    seeder.limit_upload(serving.swarm.upload_limit);
    return {};
  };
  std::set<std::string> reloaded = intake != nullptr ? intake_options() : std::set<std::string>{};
  reloaded.insert("--upload-limit");
  cli::Service service(call, session.clock(), {std::move(reloaded), apply});
  SHOAL_TRY(HostPort metrics, cli::metrics_address(call));
  auto health = [&service] { return metrics::Health{service.health().alive, service.health().ready}; };
  auto describe = [&](metrics::Page& page) {
    seeder.describe(page);
    if (intake != nullptr) intake->describe(page);
    if (renewal) renewal->describe(page);
  };
  SHOAL_TRY(auto exporter,
            metrics::Exporter::start(metrics, {"seeder", call.software, session.credentials(), session.clock(), describe, health}));
  if (renewal) renewal->start();
  seeder.run(service);
  return {};
}

Status run_publish(Invocation& call) {
  SystemClock clock;
  SHOAL_TRY(publisher::PublishRequest request, publish_request(call));
  SHOAL_TRY(Serving serving, serving_of(call));
  bool seed = call.on("--seed");
  SHOAL_TRY(auto session, open_to_publish(call.get("--state"), clock, seed));
  SHOAL_CHECK(publisher::require_publisher(*session));
  if (!seed) {
    session->keep_renewed();
    return publish(call, *session, request);
  }
  SHOAL_CHECK(session->require_role({Role::seeder}, "seed (--seed)"));
  // The port is taken before anything is registered: what is published can be served.
  SHOAL_TRY(auto seeder, Seeder::start(*session, serving.listen, serving.swarm, call.out));
  SHOAL_CHECK(publish(call, *session, request));
  SHOAL_TRY(auto renewing, signer_for_renewal(call, serving, session->state()));
  return serve(call, *session, *seeder, std::move(renewing));
}

Status run_seed(Invocation& call) {
  static const SystemClock clock;  // outlives a thread that had to be left behind
  const EndDeadline deadline(call.shutdown.token(), end_patience);
  SHOAL_TRY(Serving serving, serving_of(call));
  SHOAL_TRY(auto session, MemberSession::open(call.get("--state"), clock, MemberSession::Use::exclusive));
  SHOAL_CHECK(session->require_role({Role::seeder}, "seed"));
  SHOAL_TRY(IntakePlan plan, intake_plan_of(call, session->state()));
  SHOAL_TRY(auto renewing, signer_for_renewal(call, serving, session->state()));
  SHOAL_TRY(auto seeder, Seeder::start(*session, serving.listen, serving.swarm, call.out));
  Intake intake(*session, call.out);
  intake.follow(plan);
  Status served = serve(call, *session, *seeder, std::move(renewing), &intake);
  if (intake.stop()) return served;
  // What the thread that hangs refers to stays until the process ends, which it does now.
  seeder.reset();
  static_cast<void>(session.release());
  return served;
}

cli::Command publish_command() {
  return {
      "publish",
      "hash, sign and register a checkpoint, and move a channel to it",
      "Every byte below SRC is read once. Nothing is registered unless the files stayed as they were, the keys may sign for the\n"
      "model, and the version is new or has the same content. With --seed the files are then served until interrupted;\n"
      "without it a 'shoal seed' that runs on the same --state takes them up by itself.\n\n"
      "What tools leave beside a checkpoint (.git, .cache, *.incomplete, .nfs*, .DS_Store and the like) is left out and named, and so\n"
      "is what --exclude or a file .shoalignore in SRC names. A snapshot of a Hugging Face cache is published as it is.\n\n"
      "  shoal publish /mnt/nas/llama acme/llama@1.0 --key ~/fleet-keys/publisher.key --seed",
      {{"SRC", "the directory that holds the checkpoint's files", true},
       {.name = "ORG/NAME@VERSION",
        .help = "the model and this version of it; never used again for other content",
        .names = "model",
        .unless = "--model"}},
      {state_option,
       {.name = "--model",
        .value = "ORG/NAME",
        .help = "name of the model; old form of ORG/NAME@VERSION",
        .flag_only = true,
        .names = "model",
        .rare = true},
       {.name = "--version", .value = "V", .help = "name of this version; old form of ORG/NAME@VERSION", .flag_only = true, .rare = true},
       {.name = "--channel", .value = "C", .help = "channel to move to this version", .fallback = "main", .flag_only = true},
       {.name = "--no-channel", .help = "move no channel"},
       publisher::key_option,
       {.name = "--seed", .help = "serve the files after publishing; needs a machine that joined as seeder"},
       listen_option,
       cli::advertise_option,
       upload_limit_option,
       scrub_option,
       directed_option,
       renew_option,
       cli::metrics_option(),
       hash_rate_option,
       {.name = "--exclude",
        .value = "PATTERN",
        .help = "leave these files out, as in .gitignore: '*.tmp', 'logs/', '!keep.tmp'",
        .repeatable = true,
        .has_commas = true},
       {.name = "--label",
        .value = "KEY=VALUE",
        .help = "metadata to include in the signed release",
        .repeatable = true,
        .has_commas = true},
       {.name = "--allow-code-formats",
        .help = "publish formats that may execute code when they are loaded, such as pickles; only nodes that allow them take them"},
       {.name = "--no-model-signature",
        .help = "make no model.sig (OpenSSF Model Signing), which nodes put beside the files",
        .rare = true},
       {.name = "--mirror",
        .value = "URL",
        .help = "https:// address below which the files also are, each under its path; nodes fetch there what nobody in the fleet has",
        .repeatable = true,
        .has_commas = true},
       {.name = "--parent", .value = "V", .help = "the version (or release id) that this one was made from", .rare = true},
       {.name = "--align-files",
        .help = "let no small files share pieces: for nodes that cannot read such releases yet; costs network",
        .rare = true}},
      run_publish,
      cli::topic_publish,
      {"push", "upload", "add", "release create", "release add", "release publish"},
      cli::member_failures({ErrorCode::not_found})};
}

std::vector<cli::Option> seed_options() {
  std::vector<cli::Option> options{state_option, listen_option,         cli::advertise_option, upload_limit_option, directed_option,
                                   scrub_option, publisher::key_option, renew_option,          join_option,         cli::metrics_option()};
  for (const cli::Option& option : watch_options()) options.push_back(option);
  return options;
}

cli::Command seed_command() {
  return {
      .path = "seed",
      .summary = "serve what this machine has published, until interrupted",
      .details =
          "Reads files and never writes them, and serves them only while they are as published. A release that 'shoal publish' adds on "
          "the\n"
          "same --state is served within seconds.\n\n"
          "  shoal seed --listen 0.0.0.0:7000\n\n"
          "With --join a second machine (another head of the NAS, a copy in a cloud) serves the same release, once it has verified that "
          "its\n"
          "files are the same. It needs no publisher key, and reads each byte once:\n\n"
          "  shoal seed --join /mnt/nas2/llama=acme/llama@1.0\n\n"
          "With the publisher's key (--key, or publisher.key in --state) it renews the channel pointers that the key may sign, before "
          "they\n"
          "expire after 90 days (see 'shoal channel renew').\n\n"
          "With --watch it publishes versions that are completed below a directory, such as a NAS that training jobs write to, and never "
          "half\n"
          "a checkpoint. It writes nothing there. The directories' names are model and version; settings after the pattern override the\n"
          "defaults of the other options:\n\n"
          "  shoal seed --watch '/mnt/nas/{org}/{name}/{version}' --watch-complete marker:DONE --watch-channel main\n"
          "  shoal seed --watch '/mnt/runs/step-{version} model=acme/llama complete=settled:10m on_change=republish'",
      .positionals = {},
      .options = seed_options(),
      .run = run_seed,
      .topic = cli::topic_publish,
      .also = {"serve", "seeder run", "seeder", "share", "seed run"},
      .failures = cli::member_failures({ErrorCode::not_found}),
      .service = true};
}

}  // namespace

std::vector<cli::Command> commands() { return {publish_command(), seed_command()}; }

}  // namespace shoal::seeder
