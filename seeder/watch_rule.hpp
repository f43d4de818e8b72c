// A rule of `shoal seed --watch`: which directories are versions of which model, when they are complete, and what follows. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/config.hpp"
#include "base/files.hpp"
#include "base/ids.hpp"

namespace shoal::seeder {

/// When a directory may be published.
struct Completeness {
  enum class Kind { marker, safetensors, settled };
  Kind kind = Kind::safetensors;
  std::string marker;                    // a file name, for Kind::marker
  std::chrono::milliseconds settling{};  // for Kind::settled
  /// "marker:DONE", "safetensors" or "settled:10m".
  static Result<Completeness> parse(std::string_view text);
  bool operator==(const Completeness&) const = default;
};

/// What becomes of a directory that changes after it was published.
enum class OnChange { report, withdraw, republish };
Result<OnChange> parse_on_change(std::string_view text);

struct WatchRule {
  std::string pattern;                  // as it was given
  fs::path root;                        // the components before the first {…}; absolute
  std::vector<std::string> components;  // those behind it: "{org}", "{name}-{version}", "final"
  std::optional<ModelName> model;       // where the pattern does not say it
  Completeness complete;
  std::optional<ChannelName> channel;  // moved to what is published
  OnChange on_change = OnChange::report;
  bool allow_code_formats = false;  // as `publish --allow-code-formats` does
  bool operator==(const WatchRule&) const = default;

  struct Defaults {
    Completeness complete;
    std::optional<ChannelName> channel;
    OnChange on_change = OnChange::report;
  };
  /// "/mnt/nas/{org}/{name}/{version} channel=main complete=marker:DONE": a pattern, and settings that differ from the defaults.
  /// A table of the configuration file (base/config.hpp) says the same. Code `usage` for what it cannot be.
  static Result<WatchRule> parse(const std::string& text, const Defaults& defaults);
  /// The members of a [[watch]] table.
  static const std::vector<ConfigField>& fields();
};

/// "none" is no channel.
Result<std::optional<ChannelName>> parse_watch_channel(std::string_view text);

/// What the names of the directories below a rule's root say.
struct Placeholders {
  std::string org, name, version;
};
/// Takes one name of a directory by one component of a pattern; false where it breaks it.
bool match_component(const std::string& component, const std::string& name, Placeholders& found);

/// After all components have matched. An error says which name cannot be.
Result<VersionRef> version_of(const WatchRule& rule, const Placeholders& found);

/// "1.0" becomes "1.0+1", the revision after that "1.0+2"; 0 is the version itself.
Result<VersionName> revised(const VersionName& version, unsigned revision);

}  // namespace shoal::seeder
