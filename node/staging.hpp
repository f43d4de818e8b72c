// The directory in which a release is collected before anybody may see it.
#pragma once

#include "base/files.hpp"

namespace shoal::node {

/// A second name for a file, in directories that are made for it; a copy where the file system has no hard links.
Status link_or_copy(const fs::path& from, const fs::path& to);

/// A directory of ours alone: 0700, owned by this user, reached through no link, locked against a second shoal. It is known by its
/// descriptor from then on, so that whoever may write beside it cannot put another in its place.
class Staging {
 public:
  /// Takes the directory, or makes it; what an earlier run of ours left in it stays. Where somebody else's file, link or directory has the
  /// name, a number is added. Errors: `conflict` where another shoal is at work in it; without procfs, by which the engine reaches it.
  static Result<Staging> open(const fs::path& wanted);

  /// Where it is on the disk now.
  const fs::path& path() const { return path_; }
  /// A path that leads to this directory and no other, as long as this object lives, also across show_at().
  fs::path root() const;

  /// Makes everything in it durable and gives it its final name, with the permissions that new directories get. Fails if what has that
  /// name then is not this directory.
  Status show_at(const fs::path& target);
  /// Makes everything in it durable and moves it into a directory that is there and has none of these names; then removes itself. After a
  /// crash in between, some of it is there and some here.
  Status show_in(const fs::path& target);
  /// An error with the path where the user finds the files, in place of root().
  Error named(Error error, const fs::path& target) const;
  /// Removes what is in it.
  Status empty() const;
  /// Removes what is in it, and it.
  void discard();

 private:
  Staging(fs::path path, UniqueFd directory) : path_(std::move(path)), directory_(std::move(directory)) {}
  fs::path path_;
  UniqueFd directory_;
};

}  // namespace shoal::node
