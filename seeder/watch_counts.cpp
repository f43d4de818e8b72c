#include "seeder/watch_counts.hpp"

namespace shoal::seeder {

void WatchCounts::add(const WatchCounts& other) {
  for (std::size_t i = 0; i < versions.size(); ++i) versions[i] += other.versions[i];
  roots += other.roots;
  lost += other.lost;
}

void describe(metrics::Page& page, const WatchCounts& counts) {
  std::vector<metrics::Sample> versions;
  for (std::size_t i = 0; i < watch_state_names.size(); ++i)
    versions.push_back({{{"state", watch_state_names[i]}}, static_cast<double>(counts.versions[i])});
  page.gauge("shoal_watched_versions", "Directories that match a watched pattern, by state.", versions);
  page.gauge("shoal_watched_roots", "Watched patterns, by whether their directory is readable.",
             {{{{"state", "readable"}}, static_cast<double>(counts.roots - counts.lost)},
              {{{"state", "lost"}}, static_cast<double>(counts.lost)}});
}

}  // namespace shoal::seeder
