// Join tokens that are open: listed and taken back by whoever may write the tracker's state.
#pragma once

#include "tracker/admission_records.hpp"

namespace shoal::tracker {

/// Those that still let machines in, the one that expires first in front.
Result<std::vector<TokenRecord>> open_tokens(Database& database, WallTime now);

/// Takes back the token that `which` names: by its id in hexadecimal, by the beginning of one that fits no other, or by the token itself.
/// Machines that joined with it stay. Works beside a running tracker. `not_found` where there is none, `usage` where several fit.
Result<TokenRecord> revoke_token(Database& database, const std::string& which);

}  // namespace shoal::tracker
