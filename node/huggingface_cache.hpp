// Shows releases in the layout of the Hugging Face cache, so that programs find them by the model's name with HF_HUB_OFFLINE=1. The
// files are hard links to those of the release, not copies. docs/formats.md, "Hugging Face cache", describes the layout:
//   CACHEDIR.TAG
//   models--<org>--<name>/blobs/<sha256>              one per content, a hard link to the file of a release
//                        /snapshots/<commit>/<path>   relative symbolic links into blobs; commit: 40 digits of the release id
//                        /trees/<commit>.json         which files a snapshot must have
//                        /refs/<channel or version>   40 hex digits, no newline: replacing this file is the switch
//                        /staging/                    what is being made; no reader looks in
#pragma once

#include <string>
#include <string_view>

#include "base/files.hpp"
#include "manifest/trust.hpp"

namespace shoal::node {

/// One thread at a time. Every call may be repeated after a crash or an error, and then completes what was begun.
class HuggingFaceCache {
 public:
  /// Makes `root` and its CACHEDIR.TAG. `releases` is the directory below which release directories lie, or any other on their file
  /// system: code `usage` where `root` lies on another one, which hard links cannot cross.
  static Result<HuggingFaceCache> open(fs::path root, const fs::path& releases);

  const fs::path& root() const { return root_; }

  /// Blobs, snapshot and tree; no reader finds them before `point`, but by the commit. Call it before the switch, and again after a
  /// repair: a file that was replaced in `release_directory` is then replaced here too. `model.sig` is taken along where it is there.
  /// Code `usage` for names that readers of this layout refuse.
  Status add(const manifest::VerifiedRelease& release, const fs::path& release_directory);
  /// The switch, atomic and durable. `not_found` where `add` has not been called for the release.
  Status point(const ModelName& model, const ChannelName& channel, const ReleaseId& id);
  Status point(const ModelName& model, const VersionName& version, const ReleaseId& id);
  /// Whether a version may have its name for a reference: code `conflict` where that is a channel's, which moves it. Before the first byte.
  Status check_free(const ModelName& model, const VersionName& version, const ReleaseId& id) const;
  /// Takes the reference away again; the files stay. Fine where it is not here.
  Status unpoint(const ModelName& model, const ChannelName& channel);
  /// References that point at the release, its snapshot and tree, and the blobs that nothing else refers to. Fine where it is not here.
  Status remove(const ModelName& model, const ReleaseId& id);

  /// Where readers find the release's files by its commit.
  fs::path snapshot(const ModelName& model, const ReleaseId& id) const;

 private:
  explicit HuggingFaceCache(fs::path root) : root_(std::move(root)) {}
  fs::path repository(const ModelName& model) const;
  Status point_reference(const ModelName& model, const std::string& name, const ReleaseId& id);
  fs::path root_;
};

/// The first 40 hexadecimal digits of the id: what readers of the layout take for a commit.
std::string commit_of(const ReleaseId& id);
/// Whether the Hub's rules for repository ids allow the name; code `usage` and the rule where not.
Status check_repository_id(const ModelName& model);

}  // namespace shoal::node
