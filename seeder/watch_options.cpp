#include "seeder/watch_options.hpp"

#include <set>

namespace shoal::seeder {

const cli::Option hash_rate_option{
    "--hash-rate", "SIZE",     "read limit per second while hashing what is published or joined, such as 500MB; 0 is no limit", "0", false,
    false,         "hash_rate"};

Result<ByteCount> hash_rate_of(const cli::Invocation& call) { return parse_bytes(call.get("--hash-rate")).within("--hash-rate"); }

std::vector<cli::Option> watch_options() {
  return {
      {"--watch", "PATTERN", "publish versions that are completed here: a path with {org}, {name} and {version}", "", false, true, "watch"},
      {"--watch-complete", "HOW",
       "when a directory is complete: marker:FILE, safetensors (all shards in full length), or settled:TIME without a change",
       "safetensors", false, false, "watch_complete"},
      {"--watch-channel", "C", "channel to move to each version that is published, or none", "none", false, false, "watch_channel"},
      {"--watch-on-change", "WHAT", "for a directory that changes after it was published: report, withdraw, or republish (as VERSION+1)",
       "report", false, false, "watch_on_change"},
      {"--watch-poll", "TIME", "how often to look", "10s", false, false, "watch_poll"},
      {"--watch-patience", "TIME", "report a watched directory as hanging when its file server does not answer for this long", "60s", false,
       false, "watch_patience"},
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
