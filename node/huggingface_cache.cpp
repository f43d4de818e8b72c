#include "node/huggingface_cache.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/failpoint.hpp"
#include "base/json.hpp"
#include "crypto/digest.hpp"
#include "manifest/model_signing.hpp"
#include "node/puller.hpp"

namespace shoal::node {
namespace {

/// The Hub's names have at most so many characters, organisation and '/' included.
constexpr std::size_t repository_id_limit = 96;
constexpr ByteCount reference_limit = 4 * KiB;
// bford.info/cachedir: backups leave such a directory out.
constexpr std::string_view cache_tag =
    "Signature: 8a477f597d28d172789f06886806bc55\n# This file says that the directory is a cache. `shoal` fills it with links to "
    "releases.\n";

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

Error not_for_readers(const std::string& model, const std::string& why) {
  return fail(ErrorCode::usage, model + " cannot be in a Hugging Face cache: its readers refuse names " + why +
                                    "; publish it under another name, " + "or open it below models/ in the state directory");
}

bool is_commit(const std::string& text) { return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string::npos; }
bool is_blob(const std::string& text) { return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos; }

/// A file of a snapshot.
struct Entry {
  std::string path;
  Sha256 sha256;
  ByteCount size = 0;
};

/// The files of the release, and its model.sig.
Result<std::vector<Entry>> entries_of(const manifest::Release& release, const fs::path& directory) {
  std::vector<Entry> entries;
  for (const auto& file : release.files) entries.push_back({file.path, file.sha256, file.size});
  const std::string signature(manifest::model_signature_name);
  if (!release.model_signature || !fs::exists(directory / signature)) return entries;
  SHOAL_TRY(std::string text, read_file(directory / signature, manifest::release_limit * 2));
  if (crypto::sha256(text) == release.model_signature->sha256) entries.push_back({signature, release.model_signature->sha256, text.size()});
  return entries;
}

/// The id that git would give the file's pointer of LFS (git-lfs/docs/spec.md), as which readers know all files.
Sha1 pointer_id(const Entry& entry) {
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:" + entry.sha256.hex() + "\nsize " + std::to_string(entry.size) + "\n";
  return crypto::sha1("blob " + std::to_string(pointer.size()) + '\0' + pointer);
}

std::string tree_text(const std::vector<Entry>& entries) {
  Json files = Json::object();
  for (const Entry& entry : entries)
    files[entry.path] = {
        {"size", entry.size}, {"blob_id", pointer_id(entry).hex()}, {"lfs_sha256", entry.sha256.hex()}, {"lfs_size", entry.size}};
  return Json{{"format_version", 1}, {"files", files}}.dump(1);
}

/// From a file at `path` of a snapshot to its blob: two steps up to the repository, and one for each directory above the file.
std::string link_to_blob(const Entry& entry) {
  std::string target = "../../blobs/" + entry.sha256.hex();
  for (char c : entry.path)
    if (c == '/') target.insert(0, "../");
  return target;
}

bool same_file(const fs::path& a, const fs::path& b) {
  struct stat first {
  }, second{};
  return ::lstat(a.c_str(), &first) == 0 && ::lstat(b.c_str(), &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

Error other_file_system(const fs::path& root) {
  return fail(ErrorCode::usage,
              root.string() +
                  ": it is on another file system than the releases; their files are shared by hard links, which need both on " +
                  "one: choose a directory for the Hugging Face cache on the file system of the state directory");
}

/// The blob is the release's own file afterwards, also where it was another with the same content. Atomic for readers.
Status share(const fs::path& file, const fs::path& blob, const fs::path& staged) {
  if (same_file(file, blob)) return {};
  std::error_code error;
  fs::remove(staged, error);
  fs::create_hard_link(file, staged, error);
  if (error == std::errc::cross_device_link) return other_file_system(blob);
  if (error) return fail_errno("linking " + file.string() + " to " + blob.string(), error.value());
  fs::rename(staged, blob, error);
  if (error) return fail_errno(blob.string(), error.value());
  return {};
}

Status make_link(const fs::path& snapshot, const Entry& entry) {
  const fs::path link = snapshot / entry.path;
  SHOAL_CHECK(make_directories(link.parent_path()));
  if (::symlink(link_to_blob(entry).c_str(), link.c_str()) != 0) return fail_errno(link.string(), errno);
  return {};
}

/// Names must be durable before one that says that they are complete.
Status sync_directories(const fs::path& root) {
  SHOAL_CHECK(walk_tree(root, [](const fs::directory_entry& entry) -> Status {
    return entry.is_directory() && !entry.is_symlink() ? sync_directory(entry.path()) : Status();
  }));
  return sync_directory(root);
}

/// Whether a snapshot has these files and no others.
bool is_complete(const fs::path& snapshot, const std::vector<Entry>& entries) {
  std::size_t present = 0;
  const Status walked = walk_tree(snapshot, [&](const fs::directory_entry& entry) -> Status {
    present += entry.is_symlink() ? 1 : 0;
    return {};
  });
  return walked.ok() && present == entries.size() && std::all_of(entries.begin(), entries.end(), [&](const Entry& entry) {
           std::error_code ignored;
           return fs::read_symlink(snapshot / entry.path, ignored) == link_to_blob(entry);
         });
}

/// Entries of a directory, by name; none where it is not there.
Result<std::vector<fs::path>> entries_in(const fs::path& directory) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) found.push_back(it->path());
  if (error && error != std::errc::no_such_file_or_directory) return fail_errno(directory.string(), error.value());
  std::sort(found.begin(), found.end());
  return found;
}

/// The blobs that the snapshots of a repository link to.
Result<std::set<std::string>> blobs_in_use(const fs::path& repository) {
  std::set<std::string> used;
  Status walked = walk_tree(repository / "snapshots", [&](const fs::directory_entry& entry) -> Status {
    std::error_code ignored;
    if (entry.is_symlink()) used.insert(fs::read_symlink(entry.path(), ignored).filename().string());
    return {};
  });
  if (!walked.ok() && walked.error().code != ErrorCode::not_found) return std::move(walked).error();
  return used;
}

Status remove_file(const fs::path& path) {
  std::error_code error;
  fs::remove(path, error);
  if (error) return fail_errno(path.string(), error.value());
  return {};
}

Status remove_references(const fs::path& directory, const std::string& commit) {
  SHOAL_TRY(auto references, entries_in(directory));
  for (const fs::path& reference : references) {
    auto text = fs::is_regular_file(reference) ? read_file(reference, reference_limit) : Result<std::string>("");
    if (text.ok() && *text == commit) SHOAL_CHECK(remove_file(reference));
  }
  return references.empty() ? Status{} : sync_directory(directory);
}

Status remove_unused_blobs(const fs::path& repository) {
  SHOAL_TRY(auto used, blobs_in_use(repository));
  SHOAL_TRY(auto blobs, entries_in(repository / "blobs"));
  for (const fs::path& blob : blobs)
    if (is_blob(blob.filename().string()) && !used.contains(blob.filename().string())) SHOAL_CHECK(remove_file(blob));
  return {};
}

/// The directories of a model that has nothing left here; what is not empty stays.
void remove_empty_directories(const fs::path& repository) {
  std::error_code ignored;
  fs::remove(repository / "snapshots", ignored);
  if (fs::exists(repository / "snapshots", ignored)) return;  // then readers want the others, too
  for (const char* name : {"staging", "trees", "refs", "blobs"}) fs::remove(repository / name, ignored);
  fs::remove(repository, ignored);
}

}  // namespace

std::string commit_of(const ReleaseId& id) { return id.hex().substr(0, 40); }

Status check_repository_id(const ModelName& model) {
  const std::string& id = model.str();
  if (id.size() > repository_id_limit) return not_for_readers(id, "of more than 96 characters");
  if (id.ends_with(".git")) return not_for_readers(id, "that end in .git");
  if (id.find("--") != std::string::npos || id.find("..") != std::string::npos) return not_for_readers(id, "with '--' or '..'");
  for (std::size_t i = 0; i < id.size(); ++i) {
    const bool edge = i == 0 || i + 1 == id.size() || id[i - 1] == '/' || id[i + 1] == '/';
    if (edge && id[i] != '/' && !is_word(id[i])) return not_for_readers(id, "of which a part begins or ends with '.' or '-'");
  }
  return {};
}

Result<HuggingFaceCache> HuggingFaceCache::open(fs::path root, const fs::path& releases) {
  root = fs::absolute(root).lexically_normal();
  SHOAL_CHECK(make_directories(root));
  SHOAL_CHECK(check_may_write(root, root));
  // Links reach as far as renames do: not across mounts, even those of one file system.
  if (!same_file_system(root, releases) || !can_rename_between(root, releases)) return other_file_system(root);
  if (!fs::exists(root / "CACHEDIR.TAG")) SHOAL_CHECK(write_file_durably(root / "CACHEDIR.TAG", cache_tag));
  return HuggingFaceCache(std::move(root));
}

fs::path HuggingFaceCache::repository(const ModelName& model) const {
  std::string name = model.str();
  return root_ / ("models--" + name.replace(name.find('/'), 1, "--"));
}

fs::path HuggingFaceCache::snapshot(const ModelName& model, const ReleaseId& id) const {
  return repository(model) / "snapshots" / commit_of(id);
}

Status HuggingFaceCache::add(const manifest::VerifiedRelease& release, const fs::path& release_directory) {
  SHOAL_CHECK(check_repository_id(release->model));
  const fs::path repo = repository(release->model), snapshot = this->snapshot(release->model, release.id());
  const fs::path staging = repo / "staging", staged = staging / commit_of(release.id());
  SHOAL_TRY(auto entries, entries_of(*release, release_directory));
  SHOAL_CHECK(remove_tree(staging));  // of a run that was cut short
  for (const char* name : {"blobs", "snapshots", "trees", "refs", "staging"}) SHOAL_CHECK(make_directories(repo / name));
  for (const Entry& entry : entries)
    SHOAL_CHECK(share(release_directory / entry.path, repo / "blobs" / entry.sha256.hex(), staging / entry.sha256.hex()));
  SHOAL_CHECK(sync_directory(repo / "blobs"));
  failpoint("huggingface.blobs");
  if (!is_complete(snapshot, entries)) {
    SHOAL_CHECK(make_directories(staged));
    for (const Entry& entry : entries) SHOAL_CHECK(make_link(staged, entry));
    SHOAL_CHECK(sync_directories(staged));
    SHOAL_CHECK(remove_tree(snapshot));  // only where somebody else spoiled it
    SHOAL_CHECK(rename_durably(staged, snapshot));
  }
  failpoint("huggingface.snapshot");
  return write_file_durably(repo / "trees" / (commit_of(release.id()) + ".json"), tree_text(entries));
}

Status HuggingFaceCache::point(const ModelName& model, const ChannelName& channel, const ReleaseId& id) {
  return point_reference(model, channel.str(), id);
}

/// Readers take a name for a channel and for a version alike. A channel moves, and what it says may not be decided by what somebody pulled.
Status HuggingFaceCache::check_free(const ModelName& model, const VersionName& version, const ReleaseId& id) const {
  const auto refuse = [&](const std::string& why) {
    return fail(ErrorCode::conflict, "version " + version.str() + " of " + model.str() + " cannot be a revision in " + root_.string() +
                                         ": " + why + "; pull it without --hf-cache, or publish it under another name");
  };
  if (version.str() == default_channel) return refuse("that is the channel that readers load by default");
  const fs::path file = repository(model) / "refs" / version.str();
  if (!fs::exists(file)) return {};
  SHOAL_TRY(const std::string commit, read_file(file, reference_limit));
  if (commit == commit_of(id)) return {};
  return refuse("a channel has this name there");
}

Status HuggingFaceCache::point(const ModelName& model, const VersionName& version, const ReleaseId& id) {
  SHOAL_CHECK(check_free(model, version, id));
  return point_reference(model, version.str(), id);
}

Status HuggingFaceCache::point_reference(const ModelName& model, const std::string& name, const ReleaseId& id) {
  SHOAL_CHECK(check_repository_id(model));
  if (is_commit(name))
    return fail(ErrorCode::usage, name + " cannot be a reference in a Hugging Face cache: its readers take it for a commit");
  if (!fs::is_directory(snapshot(model, id)))
    return fail(ErrorCode::not_found, model.str() + " has no snapshot " + commit_of(id) + " in " + root_.string() + ": pull it again");
  // Readers list all of refs/: nothing else may ever lie there, not even for a moment.
  const fs::path staged = repository(model) / "staging" / ("ref-" + name);
  SHOAL_CHECK(make_directories(staged.parent_path()));
  SHOAL_CHECK(write_file_durably(staged, commit_of(id)));
  return rename_durably(staged, repository(model) / "refs" / name);
}

Status HuggingFaceCache::unpoint(const ModelName& model, const ChannelName& channel) {
  const fs::path references = repository(model) / "refs";
  if (!fs::exists(references / channel.str())) return {};
  SHOAL_CHECK(remove_file(references / channel.str()));
  return sync_directory(references);
}

Status HuggingFaceCache::remove(const ModelName& model, const ReleaseId& id) {
  const fs::path repo = repository(model);
  if (!fs::is_directory(repo)) return {};
  SHOAL_CHECK(remove_references(repo / "refs", commit_of(id)));
  SHOAL_CHECK(remove_file(repo / "trees" / (commit_of(id) + ".json")));
  SHOAL_CHECK(remove_tree(snapshot(model, id)));
  SHOAL_CHECK(remove_tree(repo / "staging"));
  failpoint("huggingface.unlinked");
  SHOAL_CHECK(remove_unused_blobs(repo));
  remove_empty_directories(repo);
  return {};
}

}  // namespace shoal::node
