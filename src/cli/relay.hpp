// Prints what another Output was given (Output::Options::relay): a running node sends it to the command that has it work. Pure.
#pragma once

#include "cli/output.hpp"

namespace shoal::cli {

/// Gives one event to an Output, which prints it as if the work were done here. Events of later versions are ignored.
void replay(const Json& event, Output& out);
/// The result in it; null in any other event.
Json result_in(const Json& event);

}  // namespace shoal::cli
