#include "seeder/watch_options.hpp"

#include <set>

namespace shoal::seeder {
const cli::Option hash_rate_option{.name = "--hash-rate",
                                   .value = "RATE",
                                   .help = "read limit per second while hashing what is published or joined, such as 500MB; 0 is no limit",
                                   .fallback = "0",
                                   .config_key = "hash_rate",
                                   .rare = true};

Result<ByteCount> hash_rate_of(const cli::Invocation& call) { return call.rate("--hash-rate"); }

std::vector<cli::Option> watch_options() {
  return {
      {.name = "--watch",
       .value = "PATTERN",
       .help = "publish versions that are completed here: a path with {org}, {name} and {version}",
       .repeatable = true,
       .config_key = "watch",
       .has_commas = true,
       .fields = WatchRule::fields(),
       .check = [](const std::string& text) { return cli::checked(WatchRule::parse(text, {})); }},
      {.name = "--watch-complete",
       .value = "HOW",
       .help = "when a directory is complete: marker:FILE, safetensors (all shards in full length), or settled:TIME without a change",
       .fallback = "safetensors",
       .config_key = "watch_complete",
       .check = [](const std::string& text) { return cli::checked(Completeness::parse(text)); },
       .words = {"safetensors", "marker:", "settled:"}},
      {.name = "--watch-channel",
       .value = "C",
       .help = "channel to move to each version that is published, or none",
       .fallback = "none",
       .config_key = "watch_channel",
       .check = [](const std::string& text) { return cli::checked(parse_watch_channel(text)); },
       .words = {"none"}},
      {.name = "--watch-on-change",
       .value = "WHAT",
       .help = "for a directory that changes after it was published: report, withdraw, or republish (as VERSION+1)",
       .fallback = "report",
       .config_key = "watch_on_change",
       .words = {"report", "withdraw", "republish"}},
      {.name = "--watch-poll", .value = "TIME", .help = "how often to look", .fallback = "10s", .config_key = "watch_poll", .rare = true},
      {.name = "--watch-patience",
       .value = "TIME",
       .help = "report a watched directory as hanging when its file server does not answer for this long",
       .fallback = "60s",
       .config_key = "watch_patience",
       .rare = true},
      hash_rate_option,
  };
}

Result<WatchOptions> watch_options_of(const cli::Invocation& call) {
  WatchRule::Defaults defaults;
  SHOAL_TRY(defaults.complete, Completeness::parse(call.get("--watch-complete")).within("--watch-complete"));
  SHOAL_TRY(defaults.channel, parse_watch_channel(call.get("--watch-channel")).within("--watch-channel"));
  SHOAL_TRY(defaults.on_change, parse_on_change(call.get("--watch-on-change")).within("--watch-on-change"));
  WatchOptions options;
  SHOAL_TRY(options.poll, call.duration("--watch-poll"));
  SHOAL_TRY(options.patience, call.duration("--watch-patience"));
  if (options.poll < std::chrono::milliseconds(100)) return fail(ErrorCode::usage, "--watch-poll is 100ms at least");
  std::set<std::string> patterns;
  for (const std::string& text : call.all("--watch")) {
    SHOAL_TRY(WatchRule rule, WatchRule::parse(text, defaults));
    if (!patterns.insert(rule.pattern).second) return fail(ErrorCode::usage, "watch '" + rule.pattern + "' is given twice");
    options.rules.push_back(std::move(rule));
  }
  return options;
}

}  // namespace shoal::seeder
