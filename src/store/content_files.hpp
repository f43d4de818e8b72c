// The files of one content, opened when they are used. Internal to the store.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "store/file_layer.hpp"
#include "store/journal.hpp"
#include "store/layout.hpp"
#include "store/open_files.hpp"

namespace shoal::store {

/// Where the directory of a content is, or is going to be once it was renamed.
struct ContentPlace {
  fs::path root;
  fs::path moves_to;  // empty: nowhere else
};

/// A range of a file that is to be filled.
struct Gap {
  ByteCount offset = 0;
  ByteCount length = 0;
};

/// Thread-safe. `layer`, `open` and `layout` must outlive it.
class ContentFiles {
 public:
  ContentFiles(FileLayer& layer, OpenFiles& open, ContentPlace place, const Layout& layout, OpenMode mode)
      : layer_(layer), open_(open), place_(std::move(place)), layout_(layout), mode_(mode) {}
  ~ContentFiles() { close(); }
  ContentFiles(const ContentFiles&) = delete;
  ContentFiles& operator=(const ContentFiles&) = delete;

  /// Finds the directory, which from now on may be renamed. Before anything else, except for contents that may have gone: those are looked
  /// for when a file is wanted.
  Result<std::shared_ptr<Directory>> find();
  /// Sets who closes the files (see OpenFiles::Owner). Call it before others see this.
  void set_owner(std::uint64_t device, std::function<void(OpenFiles::Job)> post, std::function<void()> opened);

  /// Opens it if need be.
  Result<std::shared_ptr<File>> get(std::uint32_t file);
  /// Bytes that lie one after the other in a piece, into or out of buffers of the same length together. An error names the file.
  Status read(const std::vector<FilePart>& parts, std::span<const iovec> into);
  Status write(const std::vector<FilePart>& parts, std::span<const iovec> from);
  /// The next read comes from the disk itself.
  void drop_cache(const std::vector<FilePart>& parts);
  void set_dirty(std::uint32_t file, const std::shared_ptr<File>& open) { open_.set_dirty(owner_, file, open); }
  std::vector<DirtyFile> take_dirty() { return open_.take_dirty(*owner_); }
  void set_failed(std::uint32_t file) { open_.set_failed(*owner_, file); }
  void forget(std::uint32_t file) { open_.forget(*owner_, file); }
  void close_clean() { open_.close_clean(*owner_); }
  void close() { open_.close(*owner_); }

  /// Which files are there.
  Result<std::vector<bool>> existing();
  /// Makes all files in their sizes, with space for the gaps of each.
  Status prepare(const std::vector<std::vector<Gap>>& gaps);
  /// Marks of the files for the journal: with their times if nothing writes to them any more. Zeroes for those that are missing.
  std::vector<FileMark> marks(bool at_rest);

 private:
  Result<std::shared_ptr<Directory>> root();
  Result<std::shared_ptr<Directory>> open_root() const;
  static Status prepare_one(Directory& root, const LayoutFile& wanted, const std::vector<Gap>& gaps);

  FileLayer& layer_;
  OpenFiles& open_;
  const ContentPlace place_;
  const Layout& layout_;
  const OpenMode mode_;
  OpenFiles::OwnerPtr owner_ = std::make_shared<const OpenFiles::Owner>(OpenFiles::Owner{open_.next_owner(), 0, {}, {}});
  std::optional<DirectoryId> identity_;  // of the root, since `find`
};

}  // namespace shoal::store
