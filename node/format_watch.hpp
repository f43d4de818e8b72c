// Decides on the formats of a release while its pieces arrive: a refusal then costs the pieces that decide, not the release.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "manifest/code_formats.hpp"
#include "store/layout.hpp"

namespace shoal::node {

/// Reads nothing but pieces that are verified and written. One thread.
class FormatWatch {
 public:
  /// The files are root/<path>; `layout` outlives it.
  FormatWatch(const std::vector<manifest::FileEntry>& files, const store::Layout& layout, fs::path root);

  /// Looks at what can be decided with these pieces (one bit for each): "path: why" for each file that needs consent, by now.
  Result<std::vector<std::string>> look(const std::vector<bool>& have);
  /// Nothing is left to decide.
  bool done() const { return inspection_.decided(); }

 private:
  struct File {
    std::uint32_t place = 0;       // in the layout
    ByteCount missing_offset = 0;  // what the decision waits for
    ByteCount missing_length = 0;  // 0 before it was looked at
  };
  bool is_here(const File& file, ByteCount offset, ByteCount length, const std::vector<bool>& have) const;

  const store::Layout& layout_;
  const fs::path root_;
  manifest::FormatInspection inspection_;
  std::vector<File> files_;
  std::map<std::string, std::size_t> by_path_;
  std::size_t undecided_from_ = 0;  // all files before it are decided
};

}  // namespace shoal::node
