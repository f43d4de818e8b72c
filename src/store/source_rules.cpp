#include "store/source_rules.hpp"

#include <fnmatch.h>

#include <array>

#include "base/encoding.hpp"

namespace shoal::store {
namespace {

constexpr ByteCount ignore_file_limit = 64 * KiB;
constexpr std::size_t pattern_limit = 4096;
constexpr std::size_t rule_limit = 10'000;

constexpr std::array leftovers{
    // version control
    ".git/", ".git", ".hg/", ".svn/",
    // downloads: caches of huggingface_hub and ModelScope, and files that are not whole
    ".cache/", ".locks/", "._____temp/", ".____temp/", ".msc", ".mdl", ".mv", "*.incomplete", "*.part", "*.partial", "*.filepart",
    "*.crdownload", "*.aria2", "*.aria2__temp",
    // file servers
    ".nfs*", ".fuse_hidden*", ".smbdelete*", ".snapshot/", ".snapshots/", ".zfs/", "@eaDir/", "#recycle/", "lost+found/", ".Trash-*/",
    // desktops and editors
    ".DS_Store", "._*", ".AppleDouble/", "Thumbs.db", "desktop.ini", "*~", ".*.swp", ".ipynb_checkpoints/", "__pycache__/"};

/// Lines of a file, or one pattern of the command line.
std::string_view trimmed(std::string_view line) {
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

bool SourceRules::Rule::fits(const std::string& path, bool directory) const {
  if (directory_only && !directory) return false;
  if (!by_path) return ::fnmatch(pattern.c_str(), path.c_str() + path.rfind('/') + 1, 0) == 0;
  const bool crosses = pattern.find("**") != std::string::npos;
  return ::fnmatch(pattern.c_str(), path.c_str(), crosses ? 0 : FNM_PATHNAME) == 0;
}

SourceRules SourceRules::defaults() {
  SourceRules rules;
  for (const char* pattern : leftovers) static_cast<void>(rules.add(pattern, ""));
  static_cast<void>(rules.add("/" + std::string(ignore_file), ""));
  return rules;
}

Result<SourceRules> SourceRules::of(const fs::path& root, const std::vector<std::string>& patterns) {
  SourceRules rules = defaults();
  const fs::path file = root / ignore_file;
  auto text = read_file(file, ignore_file_limit);
  if (!text.ok() && text.error().code != ErrorCode::not_found) return fail(ErrorCode::usage, text.error().message);
  for (std::string_view rest = text.ok() ? std::string_view(*text) : std::string_view(); !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    SHOAL_CHECK(rules.add(rest.substr(0, end), file.string()));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  for (const std::string& pattern : patterns) SHOAL_CHECK(rules.add(pattern, "--exclude"));
  return rules;
}

Status SourceRules::add(std::string_view line, std::string_view where) {
  line = trimmed(line);
  if (line.empty() || line.starts_with('#')) return {};
  Rule rule;
  rule.negated = line.starts_with('!');
  if (rule.negated) line.remove_prefix(1);
  rule.directory_only = line.ends_with('/');
  if (rule.directory_only) line.remove_suffix(1);
  rule.by_path = line.find('/') != std::string_view::npos;
  if (line.starts_with('/')) line.remove_prefix(1);
  if (line.empty() || line.size() > pattern_limit || line.find('\0') != std::string_view::npos)
    return fail(ErrorCode::usage, std::string(where) + ": '" + printable(line) + "' is no pattern such as *.tmp, logs/ or !keep.tmp");
  if (rules_.size() >= rule_limit) return fail(ErrorCode::usage, std::string(where) + ": more than 10000 patterns");
  rule.pattern = line;
  rules_.push_back(std::move(rule));
  return {};
}

bool SourceRules::leaves_out(const std::string& path, bool directory) const {
  for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule)
    if (rule->fits(path, directory)) return !rule->negated;
  return false;
}

}  // namespace shoal::store
