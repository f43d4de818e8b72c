// Which files of a release may execute code when they are loaded: all of them but those whose structure was followed and holds data alone.
// Pure; docs/code-formats.md is the table.
//
// A publisher and a node decide by the same functions.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "manifest/model_format.hpp"

namespace shoal::manifest {

/// Changes with the decisions below: what was refused by other rules is looked at again.
inline constexpr unsigned format_rules = 1;

/// Why loading a file of this name executes code, such as "its name ends in .pkl"; nothing where the name does not say so.
std::optional<std::string> executes_code_by_name(std::string_view path);
/// "path: why" for each file whose name says so.
std::vector<std::string> code_files_by_name(const std::vector<FileEntry>& files);

/// The decision on a release, file by file, as their bytes become known.
class FormatInspection {
 public:
  explicit FormatInspection(std::vector<FileEntry> files);
  ~FormatInspection();
  FormatInspection(FormatInspection&&) noexcept;

  /// Looks at every file that is undecided yet. `read` may refuse with code `partial`, for bytes that are not there yet: the file then
  /// stays undecided, unless what is there is enough to refuse it. Any other error of `read` is one of this function.
  Status look(const ReadRange& read);
  /// The same for one file: its place in the list.
  Status look(std::size_t file, const ReadRange& read);
  bool decided(std::size_t file) const;
  bool decided() const;
  /// "path: why" for each file that needs consent, as far as it is known by now.
  std::vector<std::string> findings() const;

 private:
  struct File;
  /// What the files say of each other, by whom it is about.
  struct Mentions;
  std::optional<std::string> why(const File& file, const Mentions& mentions) const;
  std::optional<std::string> why_raw(const File& file, const Mentions& mentions) const;
  bool all_descriptions_known() const;
  static void foresee(File& file, const std::function<Result<std::string>(ByteCount, ByteCount)>& read);

  std::vector<File> files_;
  std::size_t facts_ = 0;
};

/// All of it at once, of files that are whole.
Result<std::vector<std::string>> code_files_by_content(const std::vector<FileEntry>& files, const ReadRange& read);

}  // namespace shoal::manifest
