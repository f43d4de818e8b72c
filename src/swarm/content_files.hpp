// The files of a content before the engine gets them.
#pragma once

#include "base/files.hpp"
#include "store/layout.hpp"

namespace shoal::swarm {

/// Every file is there, regular and of the right size: code `verification` and the path where one is not. Reads nothing, changes nothing.
Status check_source(const fs::path& root, const store::Layout& layout);

/// Makes `root`, the directories and the empty files, and cuts files that are longer than they should be: the engine does neither
/// for content that it does not write. What stands in a file's place without being a file is refused.
Status prepare_target(const fs::path& root, const store::Layout& layout);

}  // namespace shoal::swarm
