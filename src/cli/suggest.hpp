// Suggestions for a command that does not exist. Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/command.hpp"

namespace shoal::cli {

/// Commands that exist and that `typed` ("node", "status") may have meant, the likely ones alone: what people call them elsewhere, the
/// nearest spelling, or the same word in another group. Empty where nothing resembles it.
std::vector<std::string> suggested(const std::vector<std::string>& typed, const std::vector<Command>& commands);

/// "did you mean 'shoal channel list', 'shoal nodes list' or 'shoal token list'?"; "" where nothing resembles it.
std::string did_you_mean(const std::vector<std::string>& typed, const std::vector<Command>& commands);

}  // namespace shoal::cli
