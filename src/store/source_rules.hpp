// Decides which entries below a publisher's directory are content, and which are what tools leave beside it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/files.hpp"

namespace shoal::store {

/// The file of patterns in a source's root; never content itself.
inline constexpr std::string_view ignore_file = ".shoalignore";

/// Patterns as in .gitignore: "*.tmp" is compared with the name of every entry, "logs/*.txt" and "/top" with the path from the root, where
/// "*" stops at "/" unless the pattern has "**"; a "/" at the end is for directories only, and "!" takes back what an earlier pattern
/// leaves out. The last pattern that fits decides. Immutable.
class SourceRules {
 public:
  /// The leftovers of version control, download tools, file servers and desktops; never a file that a model needs.
  static SourceRules defaults();
  /// The defaults, then the patterns of `root`'s .shoalignore, then `patterns`. Code `usage`, and the pattern, for what is none.
  static Result<SourceRules> of(const fs::path& root, const std::vector<std::string>& patterns);

  /// `path` is relative to the root. Entries of a directory that is left out need not be looked up.
  bool leaves_out(const std::string& path, bool directory) const;

 private:
  struct Rule {
    std::string pattern;
    bool negated = false, directory_only = false, by_path = false;
    bool fits(const std::string& path, bool directory) const;
  };
  Status add(std::string_view line, std::string_view where);
  std::vector<Rule> rules_;
};

}  // namespace shoal::store
