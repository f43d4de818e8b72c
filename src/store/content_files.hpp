// The open files of one content. Internal to the store.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/guarded.hpp"
#include "store/file_layer.hpp"
#include "store/journal.hpp"
#include "store/layout.hpp"

namespace shoal::store {

/// Thread-safe. `layout` must outlive it.
class ContentFiles {
 public:
  ContentFiles(std::unique_ptr<Directory> root, const Layout& layout, OpenMode mode)
      : root_(std::move(root)), layout_(layout), mode_(mode) {}

  /// Opens it if need be.
  Result<std::shared_ptr<File>> get(std::uint32_t file);
  /// Has been written to: stays open until `take_dirty`.
  void set_dirty(std::uint32_t file, const std::shared_ptr<File>& open);
  /// More than one of a file that was opened anew meanwhile.
  std::multimap<std::uint32_t, std::shared_ptr<File>> take_dirty();
  /// The next `get` opens it anew (ESTALE). What was written through the old handle is still to be synced.
  void forget(std::uint32_t file);
  void close();

  /// Makes all files in their sizes, with space for those that `fill` names.
  Status prepare(const std::vector<bool>& fill);
  /// What the journal notes of the files: with their times if nothing writes to them any more. Zeroes for those that are missing.
  std::vector<FileMark> marks(bool at_rest);

 private:
  static constexpr std::size_t most_open = 256;
  struct State {
    std::map<std::uint32_t, std::shared_ptr<File>> open;
    std::map<std::uint32_t, std::shared_ptr<File>> dirty;
    std::multimap<std::uint32_t, std::shared_ptr<File>> forgotten;  // and dirty
  };
  Status prepare_one(std::uint32_t number, bool fill);
  std::string name(std::uint32_t file) const;

  const std::unique_ptr<Directory> root_;
  const Layout& layout_;
  const OpenMode mode_;
  Guarded<State> state_;
};

}  // namespace shoal::store
