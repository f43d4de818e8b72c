// Which pieces of a content are on the disk, verified and durable. Internal to the store.
//
// Form of the file, version 1 (integers little-endian):
//   header    "SHOALJNL", u32 version, u32 number of pieces, 32 bytes of content id, u32 CRC-32 of all that
//   record    u32 type, u32 length of the payload, payload, u32 CRC-32 of type, length and payload, continued from the CRC before it
//   type 1    pieces that were verified: pairs of u32 first and u32 count
//   type 2    pieces that were found to be bad: the same
//   type 3    the files: u64 size, u64 inode, i64 mtime in ns (0: they were open for writing), for each
// A CRC that continues the one before it ties a record to its place: an old block of the disk in the middle ends the journal there.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "store/file_layer.hpp"

namespace shoal::store {

/// Names the content to which a journal belongs.
struct JournalIdentity {
  Sha256 content;
  std::uint32_t piece_count = 0;
};

struct FileMark {
  ByteCount size = 0;
  std::uint64_t inode = 0;
  std::int64_t mtime_ns = 0;  // 0: not known, the file was open for writing
  bool operator==(const FileMark&) const = default;
};

struct JournalState {
  std::vector<bool> have;
  std::vector<FileMark> files;
};

inline constexpr ByteCount journal_limit = 256 * MiB;

/// A journal with one record of each kind.
std::string encode_journal(const JournalIdentity& identity, const JournalState& state);
/// The state up to the first damaged or unfinished record. An error where the header is damaged or belongs to something else.
Result<JournalState> parse_journal(std::string_view bytes, const JournalIdentity& identity);

/// The journal of one content. Open only while it is read or written. One thread at a time. After a failed write or sync, or where
/// something else is in its place, the file is not trusted any more: the next call writes a new one and renames it over the old.
class Journal {
 public:
  /// Code `not_found` where there is none.
  static Result<JournalState> load(FileLayer& layer, const fs::path& path, const JournalIdentity& identity);
  /// Replaces what is there, durably. `layer` must outlive it.
  static Result<std::unique_ptr<Journal>> create(FileLayer& layer, const fs::path& path, JournalIdentity identity, JournalState state);

  /// Durable when it returns success. The pieces' own bytes must be durable before.
  Status add(const std::vector<std::uint32_t>& pieces);
  Status lose(const std::vector<std::uint32_t>& pieces);
  Status mark(std::vector<FileMark> files);
  const JournalState& state() const { return state_; }

 private:
  Journal(FileLayer& layer, const fs::path& path, JournalIdentity identity, JournalState state);
  Status rewrite();
  Status append(std::uint32_t type, const std::string& payload);
  std::shared_ptr<File> open() const;

  FileLayer& layer_;
  const fs::path directory_;
  const std::string name_;
  const JournalIdentity identity_;
  JournalState state_;
  std::optional<FileStamp> written_;  // how we left it; none: the next call writes a new file
  std::uint32_t crc_ = 0;
};

}  // namespace shoal::store
