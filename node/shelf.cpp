#include "node/shelf.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/failpoint.hpp"
#include "base/json.hpp"

namespace shoal::node {
namespace {

Status sync_file(const fs::path& path) {
  SHOAL_TRY(UniqueFd fd, open_file(path, O_RDONLY));
  if (::fdatasync(fd.get()) != 0) return fail_errno(path.string(), errno);
  return {};
}

/// The ids that name entries of a directory, sorted; none where it does not exist.
Result<std::vector<ReleaseId>> ids_in(const fs::path& directory, const std::string& extension) {
  std::vector<ReleaseId> ids;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() != extension) continue;
    if (auto id = ReleaseId::from_hex(it->path().stem().string())) ids.push_back(*id);
  }
  if (error && error != std::errc::no_such_file_or_directory) return fail_errno(directory.string(), error.value());
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace

fs::path Shelf::link(const Reference& reference) const {
  std::string leaf = reference.version ? "@" + reference.version->str() : reference.channel.str();
  return state_ / "models" / reference.model.str() / leaf;
}

bool Shelf::holds(const ReleaseId& id) const {
  std::error_code ignored;
  return fs::is_directory(release(id), ignored);
}

fs::path Shelf::manifest_file(const ReleaseId& id, const char* extension) const { return state_ / "manifests" / (id.hex() + extension); }

Status Shelf::save_manifest(const ReleaseId& id, const std::string& envelope, const std::string& metainfo) {
  SHOAL_CHECK(make_directories(state_ / "manifests"));
  SHOAL_CHECK(write_file_durably(manifest_file(id, ".torrent"), metainfo));
  return write_file_durably(manifest_file(id, ".json"), envelope);
}

Result<std::string> Shelf::envelope(const ReleaseId& id) const {
  return read_file(manifest_file(id, ".json"), 2 * manifest::release_limit);
}
Result<std::string> Shelf::metainfo(const ReleaseId& id) const { return read_file(manifest_file(id, ".torrent"), 256 * MiB); }

Result<manifest::VerifiedRelease> Shelf::verified(const manifest::Verifier& verifier, const ReleaseId& id) const {
  SHOAL_TRY(std::string text, envelope(id));
  SHOAL_TRY(auto decoded, manifest::SignedEnvelope::decode(text, manifest::release_limit));
  SHOAL_TRY(auto stated, manifest::decode_release(decoded.payload));
  return verifier.release(decoded, stated.model, id);
}

Result<std::vector<ReleaseId>> Shelf::held() const { return ids_in(state_ / "releases", ""); }
Result<std::vector<ReleaseId>> Shelf::begun() const { return ids_in(state_ / "incoming", ""); }
Result<std::vector<ReleaseId>> Shelf::manifests() const { return ids_in(state_ / "manifests", ".json"); }

fs::path Shelf::sequence_file(const ModelName& model, const ChannelName& channel) const {
  return state_ / "channels" / model.str() / (channel.str() + ".json");
}

Result<manifest::SeenSequence> Shelf::seen(const ModelName& model, const ChannelName& channel) const {
  auto text = read_file(sequence_file(model, channel), 64 * KiB);
  if (!text && text.error().code == ErrorCode::not_found) return manifest::SeenSequence{};
  if (!text) return std::move(text).error();
  SHOAL_TRY(Json json, parse_json(*text, 64 * KiB));
  JsonReader reader(json, sequence_file(model, channel).string());
  manifest::SeenSequence seen{reader.number("epoch"), reader.number("sequence")};
  SHOAL_CHECK(reader.finish_lenient());
  return seen;
}

Status Shelf::check_not_another(const manifest::ChannelPointer& pointer) const {
  const fs::path file = sequence_file(pointer.model, pointer.channel);
  auto text = read_file(file, 64 * KiB);
  if (!text) return text.error().code == ErrorCode::not_found ? Status() : Status(text.error());
  SHOAL_TRY(Json json, parse_json(*text, 64 * KiB).within(file.string()));
  JsonReader reader(json, file.string());
  const manifest::SeenSequence seen{reader.number("epoch"), reader.number("sequence")};
  const std::string release = reader.string("release");
  SHOAL_CHECK(reader.finish_lenient());
  if (seen != manifest::SeenSequence{pointer.epoch, pointer.sequence} || release == pointer.release.hex()) return {};
  return fail(ErrorCode::verification, "channel " + pointer.ref().str() + ": two pointers have sequence " +
                                           std::to_string(pointer.sequence) +
                                           ", and this one names another release than the one that was accepted");
}

Status Shelf::record_seen(const manifest::ChannelPointer& pointer) {
  fs::path file = sequence_file(pointer.model, pointer.channel);
  SHOAL_CHECK(make_directories(file.parent_path()));
  Json json{{"epoch", pointer.epoch}, {"sequence", pointer.sequence}, {"release", pointer.release.hex()}};
  return write_file_durably(file, json.dump() + "\n");
}

Status Shelf::switch_to(const Reference& reference, const ReleaseId& id) {
  fs::path path = link(reference);
  SHOAL_CHECK(make_directories(path.parent_path()));
  return switch_link(fs::path("../../../releases") / id.hex(), path);
}

Status Shelf::unlink(const Reference& reference) {
  fs::path path = link(reference);
  std::error_code error;
  if (!fs::remove(path, error)) return error ? Status(fail_errno(path.string(), error.value())) : Status();
  return sync_directory(path.parent_path());
}

Result<ReleaseId> Shelf::linked(const Reference& reference) const {
  std::error_code error;
  fs::path target = fs::read_symlink(link(reference), error);
  if (error)
    return fail(ErrorCode::not_found, reference.str() + " is not on this machine: fetch it with 'shoal pull " + reference.str() + "'");
  return ReleaseId::from_hex(target.filename().string());
}

std::string title(const manifest::Release& release) { return release.ref().str(); }

Result<manifest::Release> stated_on_disk(const Shelf& shelf, const ReleaseId& id) {
  SHOAL_TRY(std::string text, shelf.envelope(id));
  SHOAL_TRY(auto decoded, manifest::SignedEnvelope::decode(text, manifest::release_limit));
  return manifest::decode_release(decoded.payload);
}

std::string title_on_disk(const Shelf& shelf, const ReleaseId& id) {
  auto release = stated_on_disk(shelf, id);
  return release.ok() ? title(*release) : "release " + id.hex();
}

std::vector<Sha256> file_hashes(const manifest::Release& release) {
  std::vector<Sha256> hashes;
  for (const auto& file : release.files) hashes.push_back(file.sha256);
  return hashes;
}

Status sync_tree(const fs::path& root) {
  std::vector<fs::path> directories{root};
  SHOAL_CHECK(walk_tree(root, [&](const fs::directory_entry& entry) -> Status {
    if (!entry.is_directory()) return sync_file(entry.path());
    directories.push_back(entry.path());
    return {};
  }));
  for (auto it = directories.rbegin(); it != directories.rend(); ++it) SHOAL_CHECK(sync_directory(*it));
  return {};
}

Status make_visible(const fs::path& root, const fs::path& target) {
  SHOAL_CHECK(sync_tree(root));
  SHOAL_CHECK(make_directories(target.parent_path()));
  failpoint("node.durable");
  SHOAL_CHECK(rename_durably(root, target));
  failpoint("node.renamed");
  return {};
}

}  // namespace shoal::node
