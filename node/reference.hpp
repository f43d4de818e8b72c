// What `shoal pull` is asked for: org/name, org/name@version or org/name:channel.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.hpp"

namespace shoal::node {

/// What a model's name alone means; readers of a Hugging Face cache load it where they are told nothing else.
inline constexpr std::string_view default_channel = "main";

struct Reference {
  ModelName model;
  std::optional<VersionName> version;  // with '@'
  ChannelName channel;                 // with ':', else "main"; without meaning when `version` is set

  std::string str() const;
};

/// Code `usage` and an example for anything else.
Result<Reference> parse_reference(std::string_view text);

}  // namespace shoal::node
