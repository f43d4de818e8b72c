// The files of assets/, as the build embeds them (cmake/EmbedAssets.cmake).
#pragma once

#include <string_view>

namespace shoal::page {

struct Asset {
  std::string_view path;  // "/page.css"
  std::string_view type;
  std::string_view text;
};

/// Null where there is none of that path.
const Asset* find_asset(std::string_view path);

}  // namespace shoal::page
