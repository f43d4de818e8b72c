// Hashes a directory with all cores, reading each byte once: SHA-256 per file, SHA-1 and SHA-256 per piece.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>

#include "base/files.hpp"
#include "store/file_proof.hpp"
#include "store/file_stamp.hpp"
#include "store/fingerprint.hpp"
#include "store/layout.hpp"

namespace shoal::store {

struct PieceHashes {
  Sha1 sha1;      // over the piece as BitTorrent sees it: with its padding, but the last piece of all has none
  Sha256 sha256;  // over the file bytes in the piece
  Fingerprint fingerprint = {};
  crypto::Sha256State after = {};  // what the SHA-256 of the file has come to behind this piece; zero for the last of a file
};

struct TreeHashes {
  std::vector<Sha256> files;
  std::vector<PieceHashes> pieces;
};

/// Regular files below `root`, relative, sorted bytewise, and links of a Hugging Face snapshot. Code `usage` and the path for: another
/// symlink, a device or another special file, an empty tree, an unreadable directory. `root` itself may be a symlink. Names are for
/// manifest::check_paths to judge.
Result<std::vector<LayoutFile>> list_tree(const fs::path& root);

struct SourceTree {
  std::vector<LayoutFile> files;
  std::vector<std::string> left_out;  // files, and directories with a "/" at the end
};
/// The same without what tools leave, what .shoalignore names and what `exclude` names (store/source_rules.hpp).
Result<SourceTree> list_source(const fs::path& root, const std::vector<std::string>& exclude);

/// What hashing a file gives that shares no piece with another. The SHA-1 of its last piece holds for the same piece length only, and for a
/// file that is last among the files of the tree or is not, as it was.
struct FileHashes {
  Sha256 file;
  std::vector<PieceHashes> pieces;
};

class ReadRate;

struct HashOptions {
  unsigned threads = 0;  // 0: one per core
  /// Called now and then, from one thread at a time, with the bytes hashed so far.
  std::function<void(ByteCount done)> progress;
  std::stop_token stop;      // ends with `interrupted`
  ReadRate* rate = nullptr;  // none: as fast as it goes
  /// Hashes of a file with this stamp that are known already: the file is not read. Called before anything is read, and for no packed file.
  /// May be empty.
  std::function<std::optional<FileHashes>(std::uint32_t file, const FileStamp& stamp)> known = {};
  /// Told of each file that was read and hashed; thread-safe. The file may have changed since it had the stamp. May be empty.
  std::function<void(std::uint32_t file, const FileStamp& stamp, const FileHashes& hashes)> learned = {};
};

/// Fails and names the file if a file's size or mtime is not what it was when hashing began, at any time until it ends.
Result<TreeHashes> hash_tree(const fs::path& root, const Layout& layout, const HashOptions& options);

struct FileProblem {
  std::string path;
  std::string problem;                     // "missing", "is 10 bytes, should be 12", "content differs", "cannot be read: ..."
  std::vector<std::uint32_t> pieces = {};  // those that differ, where that is known: see verify_pieces
};
/// Compares files below `root` with sizes and SHA-256 from a release, with all cores; files that the release does not list
/// are not looked at. An empty list means that all is well.
Result<std::vector<FileProblem>> verify_files(const fs::path& root, const Layout& layout, const std::vector<Sha256>& expected,
                                              const HashOptions& options);
/// The same piece by piece: all cores share a large file, and what differs is named by piece. With a proof this compares with the SHA-256
/// of the files as well; without one only with those of the pieces. A file that shares pieces with others is compared with its own digest
/// (`files`), so that no other file is blamed for it. A file that is missing or has another size has no pieces named.
Result<std::vector<FileProblem>> verify_pieces(const fs::path& root, const Layout& layout, const std::vector<Sha256>& expected,
                                               const std::vector<Sha256>& files, const std::optional<FileProof>& proof,
                                               const HashOptions& options);

}  // namespace shoal::store
