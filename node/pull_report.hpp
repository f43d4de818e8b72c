// The last lines of a pull, for people and for programs. Pure.
#pragma once

#include "node/puller.hpp"

namespace shoal::node {

Json complete_line(const PullReport& report);
/// Its last line is the path to use.
std::string complete_text(const PullReport& report);

}  // namespace shoal::node
