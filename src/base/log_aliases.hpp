// The former names of log events and their keys (docs/events.md). They are written beside the new ones for one release, for scripts that
// read the log of --json. Pure.
#pragma once

#include <string_view>

namespace shoal::log {

struct Alias {
  std::string_view event;      // "link_down"
  std::string_view old_event;  // "link.down"; empty where only keys have new names
  std::string_view keys;       // "reason=why machine=peer", new=old

  /// The former name of a key, or the key itself where its name is the same.
  std::string_view old_key(std::string_view key) const;
};

/// Nothing for an event whose name and keys are the same.
const Alias* alias_of(std::string_view event);

}  // namespace shoal::log
