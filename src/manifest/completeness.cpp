// Finds the parts of split weights that are missing: by an index, by the numbers in the names, by the headers of GGUF files.
#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <tuple>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "manifest/model_format.hpp"

namespace shoal::manifest {
namespace {

constexpr std::uint64_t most_parts = 100'000;  // more is no number of parts but something else
constexpr ByteCount first_look = 1 * MiB;

using Numbers = std::set<std::uint64_t>;

std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

Error incomplete(const std::string& what, const std::string& told_by) {
  return fail(ErrorCode::usage,
              what + " is missing, of which " + told_by + " tells: complete the checkpoint, or leave out what belongs to it (--exclude)");
}

/// "shard-00001-of-00003.bin": what comes before the number, the number, the count, what follows.
struct Numbered {
  std::string before, between, after;  // of the path
  std::uint64_t number = 0, count = 0;
  std::size_t digits = 0;
};

std::optional<Numbered> numbered(const std::string& path) {
  static const std::regex forms(R"((.*[^0-9])([0-9]{1,6})(-of-|of)([0-9]{1,6})((?:[^0-9/][^/]*)?))");
  std::smatch match;
  if (!std::regex_match(path, match, forms)) return std::nullopt;
  const bool dashes = match[3] == "-of-";
  if (!dashes && !match[1].str().ends_with("part")) return std::nullopt;  // "part1of2", not "2of3" in some other word
  return Numbered{match[1], match[3].str() + match[4].str(), match[5], std::stoull(match[2]), std::stoull(match[4]), match[2].str().size()};
}

std::string name_of(const Numbered& part, std::uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < part.digits) digits.insert(0, part.digits - digits.size(), '0');
  return part.before + digits + part.between + part.after;
}

/// Numbers begin at 1, or at 0 where one has 0.
std::optional<std::uint64_t> first_missing(const Numbers& found, std::uint64_t count) {
  const std::uint64_t begin = found.contains(0) ? 0 : 1;
  for (std::uint64_t number = begin; number < begin + count; ++number)
    if (!found.contains(number)) return number;
  return std::nullopt;
}

Status check_counted(const std::vector<std::string>& paths) {
  std::map<std::tuple<std::string, std::string, std::string>, std::pair<Numbered, Numbers>> groups;
  for (const std::string& path : paths) {
    auto part = numbered(path);
    if (!part || part->count == 0 || part->count > most_parts || part->number > part->count) continue;
    auto& group = groups.try_emplace({part->before, part->between, part->after}, *part, Numbers()).first->second;
    group.second.insert(part->number);
  }
  for (const auto& [key, group] : groups) {
    const auto& [part, found] = group;
    if (auto number = first_missing(found, part.count))
      return incomplete(printable(name_of(part, *number)), printable(name_of(part, *found.begin())));
  }
  return {};
}

/// consolidated.00.pth, consolidated.01.pth: nothing says how many there are, but a gap shows.
Status check_gaps(const std::vector<std::string>& paths) {
  static const std::regex form(R"((.*/)?consolidated\.([0-9]{2})\.(pth|safetensors))");
  std::map<std::pair<std::string, std::string>, Numbers> groups;
  for (const std::string& path : paths) {
    std::smatch match;
    if (std::regex_match(path, match, form)) groups[{match[1], match[3]}].insert(std::stoull(match[2]));
  }
  for (const auto& [key, found] : groups) {
    for (std::uint64_t number = 0; number < *found.rbegin(); ++number) {
      if (found.contains(number)) continue;
      auto name = [&](std::uint64_t of) {
        return printable(key.first) + "consolidated." + (of < 10 ? "0" : "") + std::to_string(of) + "." + key.second;
      };
      return incomplete(name(number), name(*found.rbegin()));
    }
  }
  return {};
}

/// "model.safetensors.index.json", "model.safetensors.index.fp16.json".
bool is_index(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  return name.ends_with(".json") && name.find(".index.") != std::string::npos;
}

bool has_weight_map(const std::string& text) {
  auto json = parse_json(text, safetensors_header_limit);
  return json.ok() && json->is_object() && json->contains("weight_map");
}

Status check_indexes(const std::vector<FileEntry>& files, const std::vector<std::string>& paths, const ReadRange& read) {
  for (const FileEntry& file : files) {
    if (!is_index(file.path) || file.size > safetensors_header_limit) continue;
    SHOAL_TRY(std::string index, read(file.path, 0, file.size));
    if (!file.path.ends_with(".safetensors.index.json") && !has_weight_map(index)) continue;
    SHOAL_CHECK(check_shards(index, file.path, paths));
  }
  return {};
}

/// Whole where its header cannot be read: summarise_checkpoint says what is wrong with it.
Result<GgufSplit> split_of(const FileEntry& file, const ReadRange& read) {
  for (ByteCount length = first_look;; length *= 8) {
    SHOAL_TRY(std::string head, read(file.path, 0, std::min({length, file.size, gguf_header_limit})));
    auto split = split_of_gguf(head, file.size);
    if (split.ok()) return split;
    if (split.error().code != ErrorCode::partial || length >= gguf_header_limit) return GgufSplit{};
  }
}

Status check_gguf_splits(const std::vector<FileEntry>& files, const ReadRange& read) {
  struct Group {
    std::string path;
    Numbers found;
  };
  std::map<std::pair<std::string, std::uint64_t>, Group> groups;
  for (const FileEntry& file : files) {
    if (!file.path.ends_with(".gguf")) continue;
    SHOAL_TRY(GgufSplit split, split_of(file, read));
    if (split.count < 2 || split.count > most_parts || split.no >= split.count) continue;
    auto& group = groups.try_emplace({directory_of(file.path), split.count}, Group{file.path, {}}).first->second;
    group.found.insert(split.no);
  }
  for (const auto& [key, group] : groups)
    for (std::uint64_t no = 0; no < key.second; ++no)
      if (!group.found.contains(no))
        return incomplete("part " + std::to_string(no + 1) + " of " + std::to_string(key.second), "the header of " + printable(group.path));
  return {};
}

}  // namespace

Status check_numbered_parts(const std::vector<std::string>& paths) {
  SHOAL_CHECK(check_counted(paths));
  return check_gaps(paths);
}

Status check_complete(const std::vector<FileEntry>& files, const ReadRange& read) {
  std::vector<std::string> paths;
  paths.reserve(files.size());
  for (const FileEntry& file : files) paths.push_back(file.path);
  SHOAL_CHECK(check_indexes(files, paths, read));
  SHOAL_CHECK(check_numbered_parts(paths));
  return check_gguf_splits(files, read);
}

}  // namespace shoal::manifest
