#include "seeder/watch_scan.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <memory>
#include <regex>
#include <set>

#include "base/encoding.hpp"
#include "store/hash_tree.hpp"
#include "store/snapshot_link.hpp"
#include "store/source_rules.hpp"

namespace shoal::seeder {
namespace {

constexpr unsigned most_levels = 64;
constexpr std::size_t alive_every = 1000;

struct File {
  std::string path;
  ByteCount size = 0;
  std::int64_t mtime_ns = 0;
};

class Printer {
 public:
  void add(const File& file) {
    hasher_.update(file.path);
    hasher_.update(std::string_view("\0", 1));
    hasher_.update(std::to_string(file.size) + " " + std::to_string(file.mtime_ns) + "\n");
  }
  Sha256 finish() { return hasher_.finish(); }

 private:
  crypto::Sha256Hasher hasher_;
};

std::string shown(const fs::path& path) { return printable(path.string(), 4096); }

struct Entry {
  std::string name;
  struct stat info {};
};

class Scanner {
 public:
  Scanner(const WatchRule& rule, const std::function<void()>& alive) : rule_(rule), alive_(alive) {}

  Result<Scan> run() {
    SHOAL_TRY(auto entries, list(rule_.root));
    visit(rule_.root, std::move(entries), 0, {});
    if (lost_) return std::move(*lost_);
    return std::move(scan_);
  }

 private:
  /// Entries with their metadata, `most` at most; a name that went meanwhile is left out.
  Result<std::vector<Entry>> list(const fs::path& directory, std::size_t most = std::numeric_limits<std::size_t>::max()) {
    std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
    if (!open) return fail_errno(shown(directory), errno);
    std::vector<Entry> entries;
    while (entries.size() < most) {
      errno = 0;
      const dirent* found = ::readdir(open.get());
      if (found == nullptr && errno != 0) return fail_errno(shown(directory), errno);
      if (found == nullptr) break;
      Entry entry{found->d_name, {}};
      if (entry.name == "." || entry.name == "..") continue;
      if (::fstatat(::dirfd(open.get()), found->d_name, &entry.info, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;
        return fail_errno(shown(directory / entry.name), errno);
      }
      if (++looked_at_ % alive_every == 0) alive_();
      entries.push_back(std::move(entry));
    }
    alive_();
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
    return entries;
  }

  void problem(const fs::path& path, std::string why) { scan_.problems.emplace_back(shown(path), std::move(why)); }

  void visit(const fs::path& directory, std::vector<Entry> entries, std::size_t level, const Placeholders& above) {
    for (const Entry& entry : entries) {
      // Snapshots, trash cans and what file servers keep for themselves.
      if (entry.name.starts_with('.') || entry.name == "lost+found") continue;
      const fs::path path = directory / entry.name;
      if (S_ISLNK(entry.info.st_mode)) problem(path, "is a symbolic link, which is not followed");
      if (S_ISDIR(entry.info.st_mode)) enter(path, entry.name, level, above);
    }
  }

  void enter(const fs::path& path, const std::string& name, std::size_t level, Placeholders found) {
    if (!match_component(rule_.components[level], name, found)) return problem(path, "does not fit the pattern " + rule_.pattern);
    if (level + 1 == rule_.components.size()) return look_into(path, found);
    auto entries = list(path);
    if (!entries.ok()) return unreadable(path, entries.error());
    visit(path, std::move(entries).value(), level + 1, found);
  }

  /// What the whole server lacks is said of the root; else one directory must not hide the others.
  void unreadable(const fs::path& path, const Error& error) {
    if (error.code == ErrorCode::not_found) return;  // went meanwhile
    if (!lost_ && ::access(rule_.root.c_str(), R_OK) != 0) lost_ = error;
    problem(path, "cannot be read: " + error.message);
  }

  void look_into(const fs::path& path, const Placeholders& found) {
    auto reference = version_of(rule_, found);
    if (!reference.ok()) return problem(path, "its name cannot be published: " + reference.error().message);
    SeenDirectory seen;
    seen.path = path;
    seen.reference = reference.value();
    std::vector<File> files;
    auto rules = store::SourceRules::of(path, {});
    Status listed = rules.ok() ? list_files(path, "", 0, *rules, files, seen) : Status(rules.error());
    if (!listed.ok()) return unreadable(path, listed.error());
    finish(std::move(files), seen);
    scan_.directories.push_back(std::move(seen));
  }

  Status list_files(const fs::path& directory, const std::string& prefix, unsigned level, const store::SourceRules& rules,
                    std::vector<File>& files, SeenDirectory& seen) {
    if (level == most_levels) seen.problem = shown(directory) + " is nested more than " + std::to_string(most_levels) + " deep";
    if (!seen.problem.empty()) return {};
    // A million names are not looked at to find that they are too many.
    SHOAL_TRY(auto entries, list(directory, manifest::file_count_limit + 1));
    for (Entry& entry : entries) {
      if (rules.leaves_out(prefix + entry.name, S_ISDIR(entry.info.st_mode))) continue;
      if (S_ISLNK(entry.info.st_mode)) follow(directory, entry);
      if (S_ISDIR(entry.info.st_mode)) {
        SHOAL_CHECK(list_files(directory / entry.name, prefix + entry.name + "/", level + 1, rules, files, seen));
      } else if (S_ISREG(entry.info.st_mode)) {
        constexpr std::int64_t second = 1'000'000'000;
        files.push_back({prefix + entry.name, static_cast<ByteCount>(entry.info.st_size),
                         entry.info.st_mtim.tv_sec * second + entry.info.st_mtim.tv_nsec});
      } else {
        seen.problem = shown(directory / entry.name) + (S_ISLNK(entry.info.st_mode) ? " is a symbolic link" : " is no regular file") +
                       "; a release holds regular files only";
      }
      if (files.size() > manifest::file_count_limit) {
        seen.problem = "it has more than " + std::to_string(manifest::file_count_limit) + " files; pack them into fewer";
        return {};
      }
    }
    return {};
  }

  /// A link of a Hugging Face snapshot is what it leads to.
  static void follow(const fs::path& directory, Entry& entry) {
    struct stat info {};
    const auto target = store::target_of_snapshot_link(directory / entry.name);
    if (target && ::lstat(target->c_str(), &info) == 0) entry.info = info;
  }

  void finish(std::vector<File> files, SeenDirectory& seen) const {
    std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.path < b.path; });
    Printer printer;
    for (const File& file : files) {
      printer.add(file);
      seen.newest_ns = std::max(seen.newest_ns, file.mtime_ns);
      if (file.path == rule_.complete.marker) seen.marked = true;
    }
    seen.files = files.size();
    seen.print = printer.finish();
  }

  const WatchRule& rule_;
  const std::function<void()>& alive_;
  Scan scan_;
  std::size_t looked_at_ = 0;
  std::optional<Error> lost_;
};

Error missing(const std::string& what) { return fail(ErrorCode::partial, what); }

bool has_index(const std::set<std::string>& paths, const std::string& path) {
  const std::string directory = path.substr(0, path.rfind('/') + 1);
  return std::any_of(paths.begin(), paths.end(), [&](const std::string& other) {
    return other.starts_with(directory) && other.find(".safetensors.index", directory.size()) != std::string::npos &&
           other.ends_with(".json");
  });
}

/// Names tell of shards, too: an index may come last.
Status check_numbered(const std::vector<store::LayoutFile>& files) {
  static const std::regex numbered(R"((.*)-(\d{5})-of-(\d{5})\.safetensors)");
  std::set<std::string> present, groups;
  for (const auto& file : files) present.insert(file.path);
  for (const auto& file : files) {
    std::smatch match;
    if (!std::regex_match(file.path, match, numbered) || !groups.insert(match[1].str() + "/" + match[3].str()).second) continue;
    for (int shard = 1; shard <= std::stoi(match[3]); ++shard) {
      const std::string number = std::to_string(shard);
      const std::string name =
          match[1].str() + "-" + std::string(5 - number.size(), '0') + number + "-of-" + match[3].str() + ".safetensors";
      if (!present.contains(name)) return missing(printable(name) + " is missing still");
    }
    if (!has_index(present, file.path)) return missing("the index of " + printable(file.path) + " is missing still");
  }
  return {};
}

}  // namespace

Result<Scan> scan(const WatchRule& rule, const std::function<void()>& alive) { return Scanner(rule, alive).run(); }

Sha256 print_of(const publisher::Survey& survey) {
  Printer printer;
  for (std::size_t i = 0; i < survey.files.size(); ++i)
    printer.add({survey.files[i].path, survey.stamps[i].size, survey.stamps[i].mtime_ns});
  return printer.finish();
}

Status check_safetensors(const fs::path& directory) {
  SHOAL_TRY(auto tree, store::list_source(directory, {}));
  const auto& files = tree.files;
  const bool any = std::any_of(files.begin(), files.end(), [](const auto& file) { return file.path.ends_with(".safetensors"); });
  if (!any) return missing("there is no .safetensors file yet");
  SHOAL_CHECK(check_numbered(files));
  auto found = publisher::survey(directory);
  if (found.ok()) return {};
  // A header that does not fit its file is what a shard looks like while it is written.
  return missing(found.error().message);
}

}  // namespace shoal::seeder
