#include "cli/former_variables.hpp"

#include <cstdlib>

namespace shoal::cli {
namespace {

std::string value_of(const std::string& variable) {
  const char* text = std::getenv(variable.c_str());
  return text == nullptr ? "" : text;
}

/// A node sets SHOAL_HOOK_MODEL for its hooks, and SHOAL_MODEL to the same.
bool is_of_hook(const std::string& variable) {
  constexpr std::string_view prefix = "SHOAL_";
  return value_of("SHOAL_HOOK_" + variable.substr(prefix.size())) == value_of(variable);
}

/// `name`: "--model" or "MODEL".
std::string warning(const std::string& name) {
  const std::string variable = environment_name(name);
  if (value_of(variable).empty() || is_of_hook(variable)) return "";
  return "warning: " + variable + " is set, but no longer sets " + name + ": give it on the command line";
}

}  // namespace

std::vector<std::string> former_variable_warnings(const Command& command, const Values& given) {
  std::vector<std::string> warnings;
  const auto look = [&](const std::string& name) {
    if (given.contains(name)) return;
    if (std::string text = warning(name); !text.empty()) warnings.push_back(std::move(text));
  };
  for (const Positional& positional : command.positionals)
    if (positional.variable.empty()) look(positional.name);
  for (const Option& option : command.options)
    if (option.flag_only) look(option.name);
  return warnings;
}

}  // namespace shoal::cli
