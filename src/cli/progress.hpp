// One moment of progress as a bar, as a line and as JSON. Pure.
#pragma once

#include <string>

#include "cli/output.hpp"

namespace shoal::cli {

/// "fetching a/b  [=====>    ]  43%  212 MB of 512 MB  85.1 MB/s  4s left  4 peers" in at most `width` columns. In a narrow terminal the
/// detail goes first, then the bar, the end of the name and the total; percent, rate and time left stay. Where nothing moves:
/// "fetching a/b  43%  waiting: no peers (the tracker names none)".
std::string progress_bar(const Moment& moment, unsigned width, bool color);
/// The same for logs and pipes: whole, without the bar.
std::string progress_line(const Moment& moment);
/// {"type":"progress","what","done","total","rate",...} and the members of `extra`.
Json progress_json(const Moment& moment);
/// Seconds to go, or -1 where nobody can know.
std::int64_t seconds_left(const Moment& moment);
/// Text from elsewhere, safe for a terminal: control characters become '?'.
std::string printable(std::string_view text);

}  // namespace shoal::cli
