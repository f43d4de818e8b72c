// The command table: every command as data, so that help, parsing, environment and configuration files agree.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/config.hpp"
#include "base/shutdown.hpp"
#include "base/units.hpp"
#include "cli/output.hpp"
#include "cli/topics.hpp"

namespace shoal::cli {

/// Set its members by name: most options need few of them.
struct Option {
  std::string name;        // "--state"
  std::string value = "";  // "DIR" in the help; empty for a switch. TIME, SIZE, RATE and ADDR:PORT are checked before the command runs
  std::string help;
  std::string fallback = "";  // default value; shown in the help
  bool required = false;
  bool repeatable = false;
  std::string config_key = "";           // "state" in the configuration file; empty: not configurable
  bool has_commas = false;               // a value may contain commas, so that its variable holds one value a line
  bool flag_only = false;                // no variable sets it: it says what a single call is about, not how a machine is set up
  std::vector<ConfigField> fields = {};  // members of its [[tables]] in the configuration file; none: plain values
  std::function<Status(const std::string&)> check = {};  // rejects a value that the command would reject; pure
  std::vector<std::string> words = {};  // the values that it takes; those that end with ':' are only the beginning of a value
  std::string names = "";               // the kind of local names that complete its value: "channel", "node" (cli/completion.hpp)
  bool rare = false;                    // shown by --help-all, not by --help
};

struct Positional {
  std::string name;  // "REF"
  std::string help;
  bool required = true;
  std::string variable = "";            // the variable that stands in for it, for secrets; most arguments have none
  std::string names = "";               // as in Option
  bool hidden = false;                  // an old form that still works
  std::string unless = "";              // the option that stands in for it, in an old form
  std::vector<std::string> words = {};  // the values that it takes
};

/// What a command was called with, after flag > SHOAL_* > file > default.
class Invocation {
 public:
  std::string get(const std::string& name) const;               // "" where not given
  std::vector<std::string> all(const std::string& name) const;  // repeatable options
  bool on(const std::string& name) const;                       // switches
  Result<std::chrono::milliseconds> duration(const std::string& name) const;
  Result<HostPort> address(const std::string& name) const;
  Result<ByteCount> size(const std::string& name) const;
  Result<ByteCount> rate(const std::string& name) const;  // bytes per second

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
  std::string topic = "";                // the heading in the overview: what people do with it
  std::vector<std::string> also = {};    // what people call it elsewhere ("download"); a suggestion for a command that does not exist
  std::vector<ErrorCode> failures = {};  // what it fails with besides failed, usage and interrupted; --help shows their exit codes
  bool service = false;                  // runs until it is stopped, and logs from `info` on; other commands from `warn` on
  bool reads_config = true;              // whether the file of --config may set its options
};

/// The words of a path: "token create" gives "token" and "create".
std::vector<std::string> words_of(const std::string& path);

/// The failures of a command of a machine that has joined and that asks the tracker, and `more` of its own.
std::vector<ErrorCode> member_failures(const std::vector<ErrorCode>& more = {});

/// Whether a value can be parsed, for Option::check.
template <class T>
Status checked(const Result<T>& result) {
  return result.ok() ? Status{} : Status(result.error());
}

}  // namespace shoal::cli
