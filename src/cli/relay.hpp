// What an Output was given, as data: a running node sends it to the command that has it work. Pure.
#pragma once

#include "cli/output.hpp"

namespace shoal::cli {

Json relayed_result(const Json& value, std::string_view text);
Json relayed_message(std::string_view text);
Json relayed_progress(const Moment& moment);
Json relayed_progress_done();

/// Gives it to another Output, which prints it as if the work were done here. What a later version relays is let pass.
void replay(const Json& event, Output& out);
/// The result in it; null in any other event.
Json result_in(const Json& event);

}  // namespace shoal::cli
