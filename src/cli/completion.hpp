// Completion of the word that is being typed: commands, options, the values that an option takes, and names on this machine.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/command.hpp"

namespace shoal::cli {

/// Names of a kind ("channel", "model", "release", ...) that the state directory `state` knows, at once and without the tracker. Empty
/// where it cannot be read.
using LocalNames = std::function<std::vector<std::string>(const std::string& kind, const std::string& state)>;

struct Completion {
  struct Candidate {
    std::string text;
    std::string help = "";
  };
  enum class Files { none, any, directories };
  std::vector<Candidate> candidates = {};  // all begin with what was typed
  Files files = Files::none;               // the shell completes these itself
};

/// `words` are those after "shoal", the last one being typed: {"pull", "acme/"}.
Completion complete(const std::vector<std::string>& words, const std::vector<Command>& commands, const LocalNames& names);

/// For the scripts: ":files" or ":directories" where the shell completes those, else a line "text<TAB>help" for each candidate.
std::string lines_of(const Completion& completion);

/// The first argument with which the scripts ask this program for a completion; the words follow it.
inline constexpr const char* completion_request = "--complete";

/// `shoal completion`, which prints the scripts.
Command completion_command();

}  // namespace shoal::cli
