// What is to be published, as far as it can be known without reading it all.
#pragma once

#include <vector>

#include "base/files.hpp"
#include "manifest/release.hpp"
#include "store/file_stamp.hpp"
#include "store/layout.hpp"

namespace shoal::publisher {

struct Survey {
  fs::path root;  // absolute, without symlinks
  std::vector<store::LayoutFile> files;
  std::vector<store::FileStamp> stamps;  // of the files, in their order
  std::vector<std::string> exclude;      // as it was asked for
  std::vector<std::string> left_out;     // what is beside the files and is no content
  manifest::FormatSummary format;
  std::vector<std::string> code_files;  // "path: why" of those that may execute code when they are loaded
};

/// Lists the files and reads the headers of weights. Code `usage` and the name for: what list_source refuses, names that a release
/// may not have, no byte in any file, damaged headers, missing parts, pointers in place of content.
Result<Survey> survey(const fs::path& source, const std::vector<std::string>& exclude = {});

/// That the directory still holds the same files, none of them touched since the survey.
Status check_unchanged(const Survey& before);

}  // namespace shoal::publisher
