// The releases on this machine's disk, below the state directory (docs/formats.md, "State of a node"):
//   journal/<id>        which pieces of incoming/<id> are verified and on disk
//   incoming/<id>/      being fetched; nothing outside this class and the engine looks in
//   releases/<id>/      verified and durable; never changed again
//   manifests/<id>.json, <id>.torrent      the signed envelope and the metainfo
//   models/<org>/<name>/<channel> -> ../../../releases/<id>      what an inference server opens
//   channels/<org>/<name>/<channel>.json   the highest sequence that was accepted
#pragma once

#include <string>
#include <vector>

#include "base/files.hpp"
#include "manifest/trust.hpp"
#include "node/reference.hpp"

namespace shoal::node {

/// Keeps nothing in memory; threads may share it as long as each works on releases and channels of its own. The state directory is
/// locked by the process.
class Shelf {
 public:
  explicit Shelf(fs::path state) : state_(std::move(state)) {}
  const fs::path& state() const { return state_; }

  fs::path incoming(const ReleaseId& id) const { return state_ / "incoming" / id.hex(); }
  fs::path release(const ReleaseId& id) const { return state_ / "releases" / id.hex(); }
  /// The link that an inference server opens; relative references resolve to releases/<id>.
  fs::path link(const Reference& reference) const;
  /// Remembers what was fetched; its directory is made by `prepare_journal`.
  fs::path journal(const ReleaseId& id) const { return state_ / "journal" / id.hex(); }
  Status prepare_journal() const { return make_directories(state_ / "journal"); }
  bool holds(const ReleaseId& id) const;

  Status save_manifest(const ReleaseId& id, const std::string& envelope, const std::string& metainfo);
  Result<std::string> envelope(const ReleaseId& id) const;
  Result<std::string> metainfo(const ReleaseId& id) const;
  /// A release whose manifest is kept. It is verified again: the disk is not trusted to hold what was written.
  Result<manifest::VerifiedRelease> verified(const manifest::Verifier& verifier, const ReleaseId& id) const;
  /// Ids of all releases that are held, in order.
  Result<std::vector<ReleaseId>> held() const;
  /// Ids of those whose fetch was begun and has not ended.
  Result<std::vector<ReleaseId>> begun() const;
  /// Ids of all releases whose manifest is kept, also of those that went to a directory of the user's.
  Result<std::vector<ReleaseId>> manifests() const;

  /// Zero where none was accepted yet.
  Result<manifest::SeenSequence> seen(const ModelName& model, const ChannelName& channel) const;
  /// Code `verification` where a pointer has the sequence of one that was accepted before, and names another release.
  Status check_not_another(const manifest::ChannelPointer& pointer) const;
  /// Durable before it returns: the sequence is on disk before a switch happens.
  Status record_seen(const manifest::ChannelPointer& pointer);

  /// Points models/... at the release, in one atomic rename.
  Status switch_to(const Reference& reference, const ReleaseId& id);
  /// Removes that link, durably; one that is not there is fine.
  Status unlink(const Reference& reference);
  /// The release that a link points at.
  Result<ReleaseId> linked(const Reference& reference) const;

 private:
  fs::path sequence_file(const ModelName& model, const ChannelName& channel) const;
  fs::path manifest_file(const ReleaseId& id, const char* extension) const;
  fs::path state_;
};

/// "org/name@version".
std::string title(const manifest::Release& release);
/// What the kept manifest of a release says, unchecked: for people, and for names.
Result<manifest::Release> stated_on_disk(const Shelf& shelf, const ReleaseId& id);
/// "org/name@version" where the manifest is kept, else the id.
std::string title_on_disk(const Shelf& shelf, const ReleaseId& id);
/// SHA-256 of each file, in the order of the release.
std::vector<Sha256> file_hashes(const manifest::Release& release);

/// fdatasync of every file, then fsync of every directory from the leaves up, so that no durable name points at data that is not.
Status sync_tree(const fs::path& root);
/// sync_tree, then one rename to `target`. After a crash `target` is
/// absent or complete. A failed sync leaves `root` as it is: its pages are not to be trusted (docs/security.md).
Status make_visible(const fs::path& root, const fs::path& target);

}  // namespace shoal::node
