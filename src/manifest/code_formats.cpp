#include "manifest/code_formats.hpp"

#include <algorithm>
#include <array>

#include "base/encoding.hpp"
#include "manifest/pickle.hpp"

namespace shoal::manifest {
namespace {

using namespace std::string_view_literals;
using Why = std::optional<std::string>;

constexpr std::array code_endings{".pkl"sv, ".pickle"sv, ".pt"sv, ".pth"sv, ".ckpt"sv, ".joblib"sv, ".dill"sv};
constexpr std::array wrappings{".gz"sv, ".xz"sv, ".bz2"sv, ".lz4"sv, ".lzma"sv, ".zst"sv, ".z"sv};
/// So much of each member of an archive; its own members are not looked into.
constexpr std::size_t member_head = 4 * 1024;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::uint64_t little_endian(std::string_view bytes, std::size_t at, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = width; i > 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[at + i - 1]);
  return value;
}

std::uint64_t octal(std::string_view digits) {
  std::uint64_t value = 0;
  for (char c : digits)
    if (c >= '0' && c <= '7') value = value << 3 | static_cast<std::uint64_t>(c - '0');
  return value;
}

std::string within(std::string_view archive, std::string_view member, const std::string& why) {
  return "it is a " + std::string(archive) + " archive with " + printable(member) + ": " + why;
}

Why flat_content(std::string_view head, ByteCount file_size);

/// What a member of an archive says by its name, else by its content.
Why member(std::string_view archive, std::string_view name, std::string_view content, ByteCount size) {
  Why why = executes_code_by_name(name);
  if (!why) why = flat_content(content.substr(0, member_head), size);
  if (!why) return {};
  return within(archive, name, *why);
}

/// APPNOTE.TXT 4.3.7. Members are found by their signature: sizes may stand behind them only.
Why zip_members(std::string_view head, ByteCount file_size) {
  constexpr std::string_view signature = "PK\3\4";
  if (!head.starts_with(signature)) return {};
  for (std::size_t at = 0; at != std::string_view::npos && at + 30 <= head.size(); at = head.find(signature, at + 4)) {
    const std::size_t name_size = little_endian(head, at + 26, 2), extra_size = little_endian(head, at + 28, 2);
    const std::string_view name = head.substr(at + 30, name_size);
    const std::size_t content = std::min(at + 30 + name_size + extra_size, head.size());
    const bool stored = little_endian(head, at + 8, 2) == 0;
    if (auto why = member("zip", name, stored ? head.substr(content) : ""sv, file_size)) return why;
  }
  return {};
}

/// POSIX ustar, and what came before it: the checksum tells.
bool is_tar_header(std::string_view block) {
  std::uint64_t sum = 8 * ' ';
  for (std::size_t i = 0; i < 512; ++i)
    if (i < 148 || i >= 156) sum += static_cast<unsigned char>(block[i]);
  return block[0] != '\0' && sum == octal(block.substr(148, 8));
}

Why tar_members(std::string_view head) {
  for (std::size_t at = 0; at + 512 <= head.size();) {
    const std::string_view block = head.substr(at, 512);
    if (!is_tar_header(block)) return {};
    const std::uint64_t size = octal(block.substr(124, 12));
    if (auto why = member("tar", block.substr(0, std::min<std::size_t>(block.find('\0'), 100)), head.substr(at + 512), size)) return why;
    if (size > head.size()) return {};
    at += 512 + (size + 511) / 512 * 512;
  }
  return {};
}

/// RFC 1952: the name that the file had before it was compressed. The content is not looked at.
Why gzip_name(std::string_view head) {
  constexpr unsigned char has_extra = 4, has_name = 8;
  if (!head.starts_with("\x1f\x8b\x08") || head.size() < 12) return {};
  const auto flags = static_cast<unsigned char>(head[3]);
  const std::size_t name = 10 + ((flags & has_extra) != 0 ? 2 + little_endian(head, 10, 2) : 0);
  if ((flags & has_name) == 0 || name >= head.size()) return {};
  const std::string_view original = head.substr(name, head.substr(name).find('\0'));
  auto why = executes_code_by_name(original);
  if (!why) return {};
  return "it is compressed, and was " + printable(original);
}

/// numpy.lib.format: the header is the text of a Python dictionary.
Why numpy_objects(std::string_view head) {
  if (!head.starts_with("\x93NUMPY") || head.size() < 12) return {};
  const std::size_t width = head[6] == 1 ? 2 : 4;
  const std::string_view header = head.substr(8 + width, little_endian(head, 8, width));
  if (header.find("|O") == std::string_view::npos && header.find("'O'") == std::string_view::npos) return {};
  return "it is a numpy array of Python objects, which are pickled";
}

Why flat_content(std::string_view head, ByteCount file_size) {
  if (head.starts_with("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"))
    return "it is a PyTorch file of the old kind, a Python pickle";
  if (head.starts_with("ZF0x")) return "it is a compressed Python pickle (joblib)";
  if (auto why = gzip_name(head)) return why;
  if (auto why = numpy_objects(head)) return why;
  if (looks_like_pickle(head, file_size)) return "it is a Python pickle";
  return {};
}

Result<Why> content_of(const FileEntry& file, const ReadRange& read) {
  SHOAL_TRY(std::string head, read(file.path, 0, std::min(code_head, file.size)));
  if (auto why = executes_code_by_magic(head, file.size)) return why;
  if (!head.starts_with("PK\3\4")) return Why{};
  const ByteCount tail_size = std::min(code_tail, file.size);
  SHOAL_TRY(std::string tail, read(file.path, file.size - tail_size, tail_size));
  return executes_code_by_zip_directory(tail);
}

}  // namespace

Why executes_code_by_name(std::string_view path) {
  std::string name = lower(path.substr(path.rfind('/') + 1));
  for (std::string_view wrapping : wrappings)
    if (name.ends_with(wrapping)) name.resize(name.size() - wrapping.size());
  for (std::string_view ending : code_endings)
    if (name.ends_with(ending)) return "its name ends in " + std::string(ending) + ", as Python pickles do";
  if (name.starts_with("pytorch_model") && name.ends_with(".bin")) return "it is named as PyTorch's pickled weights are";
  return {};
}

Why executes_code_by_magic(std::string_view head, ByteCount file_size) {
  if (auto why = zip_members(head, file_size)) return why;
  if (auto why = tar_members(head)) return why;
  return flat_content(head, file_size);
}

Why executes_code_by_zip_directory(std::string_view tail) {
  constexpr std::string_view signature = "PK\1\2";
  for (std::size_t at = tail.find(signature); at != std::string_view::npos && at + 46 <= tail.size(); at = tail.find(signature, at + 4)) {
    const std::string_view name = tail.substr(at + 46, little_endian(tail, at + 28, 2));
    if (auto why = executes_code_by_name(name)) return within("zip", name, *why);
  }
  return {};
}

std::vector<std::string> code_files_by_name(const std::vector<FileEntry>& files) {
  std::vector<std::string> found;
  for (const FileEntry& file : files)
    if (auto why = executes_code_by_name(file.path)) found.push_back(file.path + ": " + *why);
  return found;
}

Result<std::vector<std::string>> code_files_by_content(const std::vector<FileEntry>& files, const ReadRange& read) {
  std::vector<std::string> found;
  for (const FileEntry& file : files) {
    SHOAL_TRY(Why why, content_of(file, read).within(file.path));
    if (why) found.push_back(file.path + ": " + *why);
  }
  return found;
}

}  // namespace shoal::manifest
