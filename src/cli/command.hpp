// The command table: every command as data, so that help, parsing, environment and configuration files agree.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/shutdown.hpp"
#include "base/units.hpp"
#include "cli/output.hpp"

namespace shoal::cli {

struct Option {
  std::string name;   // "--state"
  std::string value;  // "DIR" in the help; empty for a switch
  std::string help;
  std::string fallback = "";  // default value; shown in the help
  bool required = false;
  bool repeatable = false;
  std::string config_key = "";  // "state" in the configuration file; empty: not configurable
  bool has_commas = false;      // a value may contain commas, so that its variable holds one value a line
  bool flag_only = false;       // no variable sets it: it says what a single call is about, not how a machine is set up
};

struct Positional {
  std::string name;  // "REF"
  std::string help;
  bool required = true;
  std::string variable = "";  // the variable that stands in for it, for secrets; most arguments have none
};

/// What a command was called with, after flag > SHOAL_* > file > default.
class Invocation {
 public:
  std::string get(const std::string& name) const;               // "" where not given
  std::vector<std::string> all(const std::string& name) const;  // repeatable options
  bool on(const std::string& name) const;                       // switches
  Result<std::chrono::milliseconds> duration(const std::string& name) const;
  Result<HostPort> address(const std::string& name) const;

  /// The same command with what the variables and the configuration file say now.
  Result<Invocation> again() const;
  /// Options and arguments whose values differ between the two.
  std::vector<std::string> changed_in(const Invocation& other) const;

  Output& out;
  Shutdown& shutdown;
  std::string software;  // the version of this program

  using Values = std::map<std::string, std::vector<std::string>>;
  using Reread = std::function<Result<Values>()>;
  /// Without `reread`, `again` gives the same values.
  Invocation(Output& output, Shutdown& signals, Values values, Reread reread = {})
      : out(output), shutdown(signals), values_(std::move(values)), reread_(std::move(reread)) {
    if (!reread_) reread_ = [same = values_] { return Result<Values>(same); };
  }

 private:
  Values values_;
  Reread reread_;
};

struct Command {
  std::string path;     // "token create"
  std::string summary;  // one line
  std::string details;  // paragraphs and examples, shown by --help
  std::vector<Positional> positionals;
  std::vector<Option> options;
  std::function<Status(Invocation&)> run;
  std::string role = "";  // the heading in the overview: "Tracker"
};

}  // namespace shoal::cli
