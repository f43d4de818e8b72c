// The seam between the store and the system's files: what is real here is imitated by tests that let it fail.
#pragma once

#include <sys/uio.h>

#include <memory>
#include <span>
#include <string>

#include "store/file_stamp.hpp"

namespace shoal::store {

/// The outcome of read(2) or write(2): bytes done, or an errno.
struct IoResult {
  std::size_t bytes = 0;
  int error = 0;
};

/// An open file. Calls are thread-safe; they block.
class File {
 public:
  virtual ~File() = default;
  /// Fills the buffers from `offset`; fewer bytes where the file ends.
  virtual IoResult read(ByteCount offset, std::span<iovec> into) = 0;
  /// Writes all of the buffers, or says why not.
  virtual IoResult write(ByteCount offset, std::span<iovec> from) = 0;
  /// fdatasync(2). After a failure the pages that were dirty are clean and may never have reached the disk. Zero or errno.
  virtual int sync() = 0;
  virtual Result<FileStamp> stamp() = 0;
  /// Reserves the space of a range on the disk, where the file system can (fallocate(2)). Zero or errno.
  virtual int reserve(ByteCount offset, ByteCount length) = 0;
  /// Sets the size. Zero or errno.
  virtual int resize(ByteCount size) = 0;
  /// Shares the extents of another file (FICLONERANGE). Zero or errno; most errnos mean "copy instead".
  virtual int clone(File& from, ByteCount from_offset, ByteCount offset, ByteCount length) = 0;
  /// Forgets clean pages, so that the next read comes from the disk.
  virtual void drop_cache(ByteCount offset, ByteCount length) = 0;
  /// Nothing was ever written in this range (a hole, SEEK_DATA). False where the file system cannot tell.
  virtual bool is_hole(ByteCount offset, ByteCount length) = 0;
};

enum class OpenMode {
  read,    // nothing is changed, not even the access time where the system allows that
  update,  // must exist
  create,  // made with its directories where it is missing
};

/// Tells a directory from every other one, whatever its name.
struct DirectoryId {
  std::uint64_t device = 0;  // st_dev: what may hang together
  std::uint64_t inode = 0;
  bool operator==(const DirectoryId&) const = default;
};

/// A directory that is held open: what is below it is found again when it is renamed.
class Directory {
 public:
  virtual ~Directory() = default;
  /// `path` is relative and has no "..". Symlinks at its end are not followed when writing.
  virtual Result<std::shared_ptr<File>> open(const fs::path& path, OpenMode mode) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  /// fsync(2) of the directory itself: names in it are durable.
  virtual Status sync() = 0;
  virtual DirectoryId id() const = 0;
};

class FileLayer {
 public:
  virtual ~FileLayer() = default;
  virtual Result<std::unique_ptr<Directory>> open_directory(const fs::path& path) = 0;
};

/// The real one. Stateless.
class PosixFiles final : public FileLayer {
 public:
  Result<std::unique_ptr<Directory>> open_directory(const fs::path& path) override;
};

/// All of [data, data + length), or an error: EIO where the file ends early.
int read_exactly(File& file, ByteCount offset, char* data, std::size_t length);
int write_exactly(File& file, ByteCount offset, const char* data, std::size_t length);

}  // namespace shoal::store
