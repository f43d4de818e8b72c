#include "node/retention.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <tuple>

#include "base/failpoint.hpp"

namespace shoal::node {
namespace {

fs::path trash(const Shelf& shelf) { return shelf.state() / "trash"; }

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() != fs::file_type::not_found;
}

/// A name that no earlier, unfinished removal has. The id comes first: `clean_trash` reads it.
fs::path trash_name(const Shelf& shelf, const ReleaseId& id) {
  for (unsigned number = 0;; ++number)
    if (fs::path name = trash(shelf) / (id.hex() + "." + std::to_string(number)); !is_there(name)) return name;
}

Status remove_file(const fs::path& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return fail_errno(path.string(), errno);
}

/// Manifest and journal, where neither a release nor a fetch needs them any more.
Status forget(const Shelf& shelf, const ReleaseId& id) {
  if (is_there(shelf.release(id)) || is_there(shelf.incoming(id))) return {};
  SHOAL_CHECK(remove_file(shelf.journal(id)));
  for (const char* extension : {".json", ".torrent"}) SHOAL_CHECK(remove_file(shelf.state() / "manifests" / (id.hex() + extension)));
  return {};
}

/// The entry of the trash goes last: while it is there, the rest will be done by `clean_trash`.
Status finish_removal(const Shelf& shelf, const ReleaseId& id, const fs::path& rubbish) {
  SHOAL_CHECK(forget(shelf, id));
  failpoint("retention.forgotten");
  return remove_tree(rubbish);
}

Status discard(const Shelf& shelf, const ReleaseId& id, const fs::path& tree) {
  const fs::path rubbish = trash_name(shelf, id);
  SHOAL_CHECK(make_directories(rubbish.parent_path()));
  SHOAL_CHECK(rename_durably(tree, rubbish));
  failpoint("retention.renamed");
  return finish_removal(shelf, id, rubbish);
}

/// What the files take on the disk; what they share with others by cloning counts for each.
Result<ByteCount> bytes_below(const fs::path& root) {
  ByteCount sum = 0;
  SHOAL_CHECK(walk_tree(root, [&](const fs::directory_entry& entry) -> Status {
    struct stat info {};
    const bool seen = ::lstat(entry.path().c_str(), &info) == 0;
    if (!seen && errno == ENOENT) return {};  // a repair has just put another in its place
    if (!seen) return fail_errno(entry.path().string(), errno);
    if (S_ISREG(info.st_mode)) sum += static_cast<ByteCount>(info.st_blocks) * 512;
    return {};
  }));
  return sum;
}

Result<HeldRelease> survey_one(const Shelf& shelf, const ReleaseId& id) {
  struct stat info {};
  if (::stat(shelf.release(id).c_str(), &info) != 0) return fail_errno(shelf.release(id).string(), errno);
  HeldRelease held;
  held.id = id;
  held.last_used = WallTime(std::chrono::seconds(info.st_mtim.tv_sec));
  SHOAL_TRY(held.bytes, bytes_below(shelf.release(id)));
  return held;
}

bool may_go(const HeldRelease& release, const RetentionPolicy& policy, WallTime now) {
  if (release.protected_now()) return false;
  return policy.quota > 0 || now - release.last_used >= policy.min_age;
}

}  // namespace

std::vector<ReleaseId> choose_removals(std::vector<HeldRelease> held, const RetentionPolicy& policy, WallTime now) {
  ByteCount sum =
      std::accumulate(held.begin(), held.end(), ByteCount{0}, [](ByteCount s, const HeldRelease& one) { return s + one.bytes; });
  std::erase_if(held, [&](const HeldRelease& one) { return !may_go(one, policy, now); });
  std::sort(held.begin(), held.end(),
            [](const HeldRelease& a, const HeldRelease& b) { return std::tie(a.last_used, a.id) < std::tie(b.last_used, b.id); });
  std::vector<ReleaseId> removals;
  for (const HeldRelease& one : held) {
    if (policy.quota > 0 && sum <= policy.quota) break;
    sum -= one.bytes;
    removals.push_back(one.id);
  }
  return removals;
}

Result<std::set<ReleaseId>> linked_releases(const Shelf& shelf) {
  const fs::path models = shelf.state() / "models";
  std::set<ReleaseId> ids;
  std::error_code error;
  for (fs::recursive_directory_iterator it(models, error), end; !error && it != end; it.increment(error)) {
    if (!it->is_symlink(error)) continue;
    fs::path target = fs::read_symlink(it->path(), error);
    if (error) break;
    if (auto id = ReleaseId::from_hex(target.filename().string())) ids.insert(*id);
  }
  if (error && error != std::errc::no_such_file_or_directory) return fail_errno(models.string(), error.value());
  return ids;
}

Result<std::vector<HeldRelease>> survey_releases(const Shelf& shelf, const Pins& pins, WallTime now) {
  SHOAL_TRY(auto ids, shelf.held());
  SHOAL_TRY(auto linked, linked_releases(shelf));
  SHOAL_TRY(auto pinned, pins.all(now));
  std::vector<HeldRelease> all;
  for (const ReleaseId& id : ids) {
    SHOAL_TRY(HeldRelease held, survey_one(shelf, id));
    held.active = linked.contains(id);
    held.pinned = std::any_of(pinned.begin(), pinned.end(), [&](const Pin& pin) { return pin.release == id; });
    all.push_back(held);
  }
  return all;
}

Status mark_used(const Shelf& shelf, const ReleaseId& id, WallTime now) {
  const timespec time{now.time_since_epoch().count(), 0};
  const timespec both[2] = {time, time};
  if (::utimensat(AT_FDCWD, shelf.release(id).c_str(), both, 0) != 0) return fail_errno(shelf.release(id).string(), errno);
  return {};
}

Status remove_release(Shelf& shelf, const ReleaseId& id) {
  SHOAL_TRY(auto linked, linked_releases(shelf));
  if (linked.contains(id))
    return fail(ErrorCode::conflict,
                "release " + id.hex() + " is active: a link below " + (shelf.state() / "models").string() + " points at it");
  if (!is_there(shelf.release(id))) return {};
  return discard(shelf, id, shelf.release(id));
}

Status remove_incoming(Shelf& shelf, const ReleaseId& id) {
  if (is_there(shelf.incoming(id))) return discard(shelf, id, shelf.incoming(id));
  return forget(shelf, id);
}

Status clean_trash(Shelf& shelf) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator it(trash(shelf), error), end; !error && it != end; it.increment(error)) entries.push_back(it->path());
  if (error && error != std::errc::no_such_file_or_directory) return fail_errno(trash(shelf).string(), error.value());
  for (const fs::path& entry : entries) {
    auto id = ReleaseId::from_hex(entry.stem().string());
    SHOAL_CHECK(id ? finish_removal(shelf, *id, entry) : remove_tree(entry));
  }
  return {};
}

}  // namespace shoal::node
