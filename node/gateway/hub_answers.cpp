#include "node/gateway/hub_answers.hpp"

#include <algorithm>
#include <set>

#include "crypto/digest.hpp"

namespace shoal::gateway {
namespace {

std::string pointer_text(const manifest::FileEntry& file) {
  return "version https://git-lfs.github.com/spec/v1\noid sha256:" + file.sha256.hex() + "\nsize " + std::to_string(file.size) + "\n";
}

/// The id that git gives to a file with this text.
std::string blob_id(const std::string& text) { return crypto::sha1("blob " + std::to_string(text.size()) + '\0' + text).hex(); }

/// With the Hub's milliseconds.
std::string hub_time(WallTime time) {
  std::string text = format_time(time);
  text.insert(text.size() - 1, ".000");
  return text;
}

Json last_commit(const manifest::VerifiedRelease& release) {
  return {{"id", commit_of(release.id())}, {"title", release->version.str()}, {"date", hub_time(release->created)}};
}

/// Clients take every file for one of LFS: its name in a cache is then its SHA-256.
Json lfs(const manifest::FileEntry& file, const char* digest_key) {
  return {{digest_key, file.sha256.hex()}, {"size", file.size}, {"pointerSize", pointer_text(file).size()}};
}

Json file_entry(const manifest::FileEntry& file) {
  return {{"type", "file"}, {"oid", blob_id(pointer_text(file))}, {"size", file.size}, {"path", file.path}, {"lfs", lfs(file, "oid")}};
}

Json directory_entry(const manifest::VerifiedRelease& release, const std::string& path) {
  return {{"type", "directory"}, {"oid", crypto::sha1(release.id().hex() + "/" + path).hex()}, {"size", 0}, {"path", path}};
}

/// The entries below a directory, by path: the numbers of files, and nothing for directories.
using Below = std::map<std::string, std::optional<std::size_t>>;

Below below(const manifest::Release& release, const std::string& directory, bool recursive) {
  Below found;
  const std::string prefix = directory.empty() ? "" : directory + "/";
  for (std::size_t i = 0; i < release.files.size(); ++i) {
    const std::string& path = release.files[i].path;
    if (!path.starts_with(prefix)) continue;
    auto slash = path.find('/', prefix.size());
    for (; recursive && slash != std::string::npos; slash = path.find('/', slash + 1)) found.emplace(path.substr(0, slash), std::nullopt);
    if (slash == std::string::npos) found.emplace(path, i);
    else found.emplace(path.substr(0, slash), std::nullopt);
  }
  return found;
}

auto first_from(const manifest::Release& release, const std::string& path) {
  return std::lower_bound(release.files.begin(), release.files.end(), path,
                          [](const manifest::FileEntry& file, const std::string& wanted) { return file.path < wanted; });
}

bool is_directory(const manifest::Release& release, const std::string& path) {
  const auto first = first_from(release, path + "/");
  return !path.empty() && first != release.files.end() && first->path.starts_with(path + "/");
}

Json sibling(const manifest::FileEntry& file, bool blobs) {
  Json entry{{"rfilename", file.path}, {"size", file.size}};
  if (!blobs) return entry;
  entry["blobId"] = blob_id(pointer_text(file));
  entry["lfs"] = lfs(file, "sha256");
  return entry;
}

Json tags_of(const manifest::Release& release) {
  Json tags = Json::array();
  if (release.format.kind != "other" && !release.format.kind.empty()) tags.push_back(release.format.kind);
  return tags;
}

/// As the Hub shows them: parameters in all, and the kinds of numbers that hold them.
Json parameter_counts(const manifest::FormatSummary& format) { return {{"total", format.parameters}}; }

bool is_gguf(const manifest::FileEntry& file) { return file.path.ends_with(".gguf"); }

std::string upper_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return text;
}

const manifest::FileEntry* gguf_named(const manifest::Release& release, const std::string& tag) {
  for (const auto& file : release.files)
    if (is_gguf(file) && upper_case(file.path).find(upper_case(tag)) != std::string::npos) return &file;
  return nullptr;
}

const manifest::FileEntry* gguf_for(const manifest::Release& release, const std::string& tag) {
  if (!tag.empty() && tag != "latest") return gguf_named(release, tag);
  for (const char* usual : {"Q4_K_M", "Q8_0", ".gguf"})
    if (const auto* found = gguf_named(release, usual)) return found;
  return nullptr;
}

}  // namespace

Json model_info(const manifest::VerifiedRelease& release, bool blobs) {
  Json siblings = Json::array();
  for (const auto& file : release->files) siblings.push_back(sibling(file, blobs));
  const std::string time = hub_time(release->created), name = release->model.str();
  Json info{{"_id", commit_of(release.id()).substr(0, 24)},
            {"id", name},
            {"modelId", name},
            {"author", name.substr(0, name.find('/'))},
            {"sha", commit_of(release.id())},
            {"lastModified", time},
            {"createdAt", time},
            {"private", true},
            {"gated", false},
            {"disabled", false},
            {"downloads", 0},
            {"likes", 0},
            {"tags", tags_of(*release)},
            {"siblings", std::move(siblings)}};
  if (release->format.kind == "safetensors" && release->format.parameters > 0) info["safetensors"] = parameter_counts(release->format);
  return info;
}

std::optional<TreePage> tree_page_of(const manifest::VerifiedRelease& release, const AskTree& asked) {
  const Below found = below(*release, asked.directory, asked.recursive);
  if (found.empty()) return std::nullopt;
  TreePage page;
  for (auto entry = found.upper_bound(asked.after); entry != found.end(); ++entry) {
    if (page.entries.size() == asked.limit) {
      page.next = page.entries.back()["path"].get<std::string>();
      break;
    }
    Json shown = entry->second ? file_entry(release->files[*entry->second]) : directory_entry(release, entry->first);
    if (asked.expand) shown["lastCommit"] = last_commit(release);
    page.entries.push_back(std::move(shown));
  }
  return page;
}

Json paths_info(const manifest::VerifiedRelease& release, const AskPaths& asked) {
  Json entries = Json::array();
  for (std::string path : std::set<std::string>(asked.paths.begin(), asked.paths.end())) {
    while (path.ends_with('/')) path.pop_back();
    const auto number = file_number(*release, path);
    const bool directory = !number && is_directory(*release, path);
    if (!number && !directory) continue;
    Json entry = number ? file_entry(release->files[*number]) : directory_entry(release, path);
    if (asked.expand) entry["lastCommit"] = last_commit(release);
    entries.push_back(std::move(entry));
  }
  return entries;
}

Json refs(const std::vector<RevisionName>& names) {
  Json branches = Json::array(), tags = Json::array();
  for (const RevisionName& each : names)
    (each.is_channel ? branches : tags)
        .push_back({{"name", each.name},
                    {"ref", (each.is_channel ? "refs/heads/" : "refs/tags/") + each.name},
                    {"targetCommit", commit_of(each.release)}});
  return {{"branches", std::move(branches)}, {"converts", Json::array()}, {"tags", std::move(tags)}};
}

std::optional<Json> gguf_manifest(const manifest::VerifiedRelease& release, const std::string& tag) {
  const auto* file = gguf_for(*release, tag);
  if (file == nullptr) return std::nullopt;
  return Json{{"ggufFile",
               {{"rfilename", file->path}, {"blobId", blob_id(pointer_text(*file))}, {"size", file->size}, {"lfs", lfs(*file, "sha256")}}}};
}

std::optional<std::size_t> file_number(const manifest::Release& release, const std::string& path) {
  const auto found = first_from(release, path);
  if (found == release.files.end() || found->path != path) return std::nullopt;
  return static_cast<std::size_t>(found - release.files.begin());
}

}  // namespace shoal::gateway
