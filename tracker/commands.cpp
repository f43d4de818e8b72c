#include "tracker/commands.hpp"

#include "base/log.hpp"
#include "cli/service.hpp"
#include "cli/tracker_url.hpp"
#include "metrics/exporter.hpp"
#include "tracker/admission.hpp"
#include "tracker/command_parts.hpp"
#include "tracker/fleet_init.hpp"
#include "tracker/state.hpp"
#include "tracker/tracker.hpp"

namespace shoal::tracker {
namespace {

constexpr std::uint32_t most_uses = 100000;

// --- fleet init

std::string next_steps(const FleetOrder& order, const NewFleet& fleet) {
  std::string state = order.state.string();
  return "Fleet " + fleet.fleet.str() +
         " is set up.\n"
         "  tracker's state:   " +
         state +
         "\n"
         "  root key:          " +
         fleet.root_key.string() +
         "  (signs trust roots: keep it offline)\n"
         "  publisher key:     " +
         fleet.publisher_key.string() +
         "  (signs releases: only where you publish)\n"
         "  trust root:        " +
         fleet.trust_root.hex() +
         "\n"
         "Next:\n"
         "  shoal tracker run --state " +
         state +
         "\n"
         "  shoal token create --state " +
         state +
         " --role seeder      then on that machine: shoal join TOKEN --state DIR\n"
         "  shoal publish SRC ORG/NAME@VERSION --state DIR --key " +
         fleet.publisher_key.string();
}

Json as_json(const FleetOrder& order, const NewFleet& fleet) {
  return {{"type", "fleet"},
          {"fleet", fleet.fleet.str()},
          {"tracker", "https://" + order.tracker.str()},
          {"state", order.state.string()},
          {"root_key", fleet.root_key.string()},
          {"publisher_key", fleet.publisher_key.string()},
          {"ca_pin", fleet.ca_pin.hex()},
          {"trust_root", fleet.trust_root.hex()}};
}

Status run_fleet_init(cli::Invocation& call) {
  FleetOrder order{call.get("--state"), call.get("--keys"), {}, {}};
  SHOAL_TRY(order.tracker, cli::parse_tracker_url(call.get("--tracker")).within("--tracker"));
  if (std::string name = call.get("--fleet"); !name.empty()) {
    SHOAL_TRY(order.fleet, FleetName::parse(name).within("--fleet"));
  }
  SHOAL_TRY(NewFleet fleet, init_fleet(order, SystemClock().now()));
  call.out.result(as_json(order, fleet), next_steps(order, fleet));
  return {};
}

cli::Command fleet_init_command() {
  return {.path = "fleet init",
          .summary = "set up a new fleet: CA, tracker, and the keys that sign content",
          .details =
              "Puts the CA and the tracker's identity into --state, and the root and publisher keys into --keys, which must not be the "
              "same directory. Run it on the publisher's machine and copy --state to the tracker's host, or run it there and "
              "move --keys away: a tracker without them can withhold content, but cannot invent any.\n\n"
              "Example: shoal fleet init --keys ~/shoal-keys --tracker https://control.example:7443",
          .positionals = {},
          .options = {state_option,
                      {.name = "--keys", .value = "DIR", .help = "where the root and publisher keys go", .required = true},
                      {.name = "--tracker",
                       .value = "URL",
                       .help = "https://HOST[:PORT] under which members reach the tracker; port 7443 if you leave it out",
                       .required = true},
                      {.name = "--fleet", .value = "NAME", .help = "name of the fleet; otherwise shoal- and six random digits"}},
          .run = run_fleet_init,
          .topic = cli::topic_set_up,
          .also = {"init", "setup", "fleet create", "create", "fleet new", "tracker init"},
          .failures = {ErrorCode::no_space}};
}

// --- tracker run

/// Everything but the port comes from --listen; without it, all addresses and the port of the tracker's URL.
Result<HostPort> listen_of(const cli::Invocation& call, const fs::path& state) {
  if (!call.get("--listen").empty()) return call.address("--listen");
  SHOAL_TRY(identity::Member self, load_tracker(state));
  return HostPort{"::", self.tracker.port};
}

Result<std::chrono::seconds> seconds_of(const cli::Invocation& call, const std::string& option, std::chrono::seconds least) {
  SHOAL_TRY(auto duration, call.duration(option));
  if (duration >= least) return std::chrono::floor<std::chrono::seconds>(duration);
  return fail(ErrorCode::usage, option + " must be at least " + std::to_string(least.count()) + "s");
}

Result<std::size_t> count_of(const cli::Invocation& call, const std::string& option) {
  std::string text = call.get(option);
  bool digits = !text.empty() && text.size() <= 7 && text.find_first_not_of("0123456789") == std::string::npos;
  if (digits && std::stoul(text) > 0) return static_cast<std::size_t>(std::stoul(text));
  return fail(ErrorCode::usage, option + " must be a whole number from 1 to 9999999");
}

Result<TrackerOptions> tracker_options(const cli::Invocation& call) {
  TrackerOptions options;
  options.state = call.get("--state");
  SHOAL_TRY(options.listen, listen_of(call, options.state));
  if (!call.get("--plain-listen").empty()) {
    SHOAL_TRY(options.plain_listen, call.address("--plain-listen"));
  }
  if (!call.get("--page").empty()) {
    SHOAL_TRY(options.page, call.address("--page"));
  }
  SHOAL_TRY(options.certificate_life, seconds_of(call, "--certificate-life", std::chrono::seconds(10)));
  SHOAL_TRY(options.announce_interval, seconds_of(call, "--announce-interval", std::chrono::seconds(1)));
  SHOAL_TRY(options.quotas.per_model, count_of(call, "--channels-per-model"));
  SHOAL_TRY(options.quotas.per_publisher, count_of(call, "--channels-per-publisher"));
  SHOAL_TRY(auto sample, count_of(call, "--halt-sample"));
  options.halt_sample = static_cast<std::uint32_t>(sample);
  return options;
}

void report_ready(cli::Output& out, const Tracker& tracker) {
  std::string listen = tracker.listen().str();
  const std::string page = tracker.page();
  if (!out.json()) return out.message("tracker ready on " + listen + (page.empty() ? "" : "; 'shoal page' opens the page on " + page));
  Json ready{{"type", "ready"}, {"listen", listen}};
  if (!page.empty()) ready["page"] = page;
  if (tracker.plain_listen().port != 0) ready["plain_listen"] = tracker.plain_listen().str();
  out.result(ready, "");
}

/// Until a stop is requested. A tracker whose own rounds have stopped does not feed the watchdog.
void serve(const Tracker& tracker, cli::Service& service) {
  const std::string status = "tracker on " + tracker.listen().str();
  service.ready(status);
  while (sleep_for(service.longest_wait(), service.stop()))
    if (tracker.alive()) service.alive(status);
}

Status run_tracker(cli::Invocation& call) {
  SHOAL_TRY(TrackerOptions options, tracker_options(call));
  SystemClock clock;
  SHOAL_TRY(auto tracker, Tracker::start(std::move(options), clock));
  report_ready(call.out, *tracker);
  cli::Service service(call, clock);
  SHOAL_TRY(HostPort metrics, cli::metrics_address(call));
  auto health = [&] { return metrics::Health{tracker->alive() && service.health().alive, service.health().ready}; };
  auto describe = [&](metrics::Page& page) { tracker->describe(page); };
  SHOAL_TRY(auto exporter, metrics::Exporter::start(metrics, {"tracker", call.software, tracker->credentials(), clock, describe, health}));
  serve(*tracker, service);
  exporter.reset();
  tracker.reset();
  call.out.message("tracker stopped");
  return {};
}

cli::Command tracker_run_command() {
  return {.path = "tracker run",
          .summary = "run the tracker",
          .details =
              "Serves enrolment, the registry of releases and channels, announces and scrapes, all over mutual TLS, until SIGINT or "
              "SIGTERM. Tokens, machines and releases last in --state; peers are kept in memory.\n\n"
              "  shoal fleet init --keys ~/fleet-keys --tracker https://tracker.example:7443     (once)\n"
              "  shoal tracker run",
          .positionals = {},
          .options = {state_option,
                      {.name = "--listen",
                       .value = "ADDR:PORT",
                       .help = "where to listen; otherwise all addresses and the port of the tracker's URL",
                       .config_key = "tracker.listen"},
                      {.name = "--certificate-life",
                       .value = "TIME",
                       .help = "life of the certificates that are issued",
                       .fallback = "24h",
                       .config_key = "tracker.certificate_life",
                       .rare = true},
                      {.name = "--announce-interval",
                       .value = "TIME",
                       .help = "how often nodes announce",
                       .fallback = "30s",
                       .config_key = "tracker.announce_interval",
                       .rare = true},
                      {.name = "--channels-per-model",
                       .value = "N",
                       .help = "refuse new channels of a model that has this many",
                       .fallback = "1000",
                       .config_key = "tracker.channels_per_model",
                       .rare = true},
                      {.name = "--channels-per-publisher",
                       .value = "N",
                       .help = "refuse new channels of a publisher that has this many over all models",
                       .fallback = "4000",
                       .config_key = "tracker.channels_per_publisher",
                       .rare = true},
                      {.name = "--halt-sample",
                       .value = "N",
                       .help = "so many nodes, or all that it goes to, try a release before their failures halt its rollout",
                       .fallback = "5",
                       .config_key = "tracker.halt_sample",
                       .rare = true},
                      {.name = "--page",
                       .value = "ADDR:PORT",
                       .help = "serve a page that shows the fleet, on a loopback address; 'shoal page' opens it",
                       .config_key = "tracker.page"},
                      {.name = "--plain-listen",
                       .value = "ADDR:PORT",
                       .help = "test listener for announce and scrape without TLS; loopback only",
                       .config_key = "tracker.plain_listen",
                       .rare = true},
                      cli::metrics_option()},
          .run = run_tracker,
          .topic = cli::topic_set_up,
          .also = {"tracker start", "tracker"},
          .failures = {ErrorCode::not_found, ErrorCode::not_enrolled, ErrorCode::no_space},
          .service = true};
}

// --- token create

Result<std::uint32_t> uses_of(const cli::Invocation& call) {
  std::string text = call.get("--uses");
  bool digits = !text.empty() && text.size() <= 6 && text.find_first_not_of("0123456789") == std::string::npos;
  unsigned long uses = digits ? std::stoul(text) : 0;
  if (uses >= 1 && uses <= most_uses) return static_cast<std::uint32_t>(uses);
  return fail(ErrorCode::usage, "--uses must be a whole number from 1 to " + std::to_string(most_uses));
}

Result<TokenOrder> token_order(const cli::Invocation& call) {
  TokenOrder order;
  SHOAL_TRY(order.role, identity::parse_role(call.get("--role")).within("--role"));
  SHOAL_TRY(order.uses, uses_of(call));
  SHOAL_TRY(order.ttl, seconds_of(call, "--ttl", std::chrono::seconds(1)));
  return order;
}

/// Tokens pin the newest trust root.
Result<FleetPins> pins_of(const fs::path& state, Database& database) {
  SHOAL_TRY(identity::Member self, load_tracker(state));
  SHOAL_TRY(identity::SpkiPin pin, identity::spki_pin_of_pem(self.credentials.ca_pem));
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(self.trust_root, manifest::trust_root_limit));
  SHOAL_TRY(auto verifier, manifest::Verifier::restore(envelope));
  SHOAL_TRY(Sha256 trust_root, newest_fingerprint(database, Sha256{verifier.fingerprint().bytes}));
  return FleetPins{self.tracker, pin, trust_root};
}

Status run_token_create(cli::Invocation& call) {
  SHOAL_TRY(TokenOrder order, token_order(call));
  SHOAL_TRY(Database database, database_of(call));
  SHOAL_TRY(FleetPins pins, pins_of(call.get("--state"), database));
  WallTime now = SystemClock().now();
  SHOAL_TRY(identity::JoinToken token, create_token(database, pins, order, now));
  std::string text = token.encode();
  log::info("token_created",
            {{"token", to_hex(token.id)}, {"role", name(order.role)}, {"uses", order.uses}, {"expires", format_time(now + order.ttl)}});
  call.out.result({{"type", "token"},
                   {"token", text},
                   {"role", std::string(name(order.role))},
                   {"uses", order.uses},
                   {"expires", format_time(now + order.ttl)}},
                  text);
  return {};
}

cli::Command token_create_command() {
  return {.path = "token create",
          .summary = "make a token with which a machine can join",
          .details =
              "Prints the token, alone, on stdout. The tracker keeps only a hash of its secret: what is printed cannot be shown again. "
              "Works while the tracker runs.\n\n"
              "Example: shoal token create --role node --uses 20 --ttl 30m",
          .positionals = {},
          .options = {state_option,
                      {.name = "--role",
                       .value = "ROLE",
                       .help = "node, seeder, publisher or admin",
                       .required = true,
                       .words = {"node", "seeder", "publisher", "admin"}},
                      {.name = "--uses", .value = "N", .help = "how many machines may join with it", .fallback = "1"},
                      {.name = "--ttl", .value = "TIME", .help = "how long it is good for", .fallback = "1h"}},
          .run = run_token_create,
          .topic = cli::topic_set_up,
          .also = {"token", "token add", "token new", "invite", "token generate"},
          .failures = {ErrorCode::not_found, ErrorCode::not_enrolled, ErrorCode::no_space}};
}

}  // namespace

std::vector<cli::Command> commands() {
  std::vector<cli::Command> all{fleet_init_command(), tracker_run_command(), token_create_command()};
  for (cli::Command& command : move_commands()) all.push_back(std::move(command));
  for (cli::Command& command : token_commands()) all.push_back(std::move(command));
  all.push_back(page_command());
  for (cli::Command& command : node_commands()) all.push_back(std::move(command));
  return all;
}

}  // namespace shoal::tracker
