// Text: UTF-8 without NUL, all of it. What it says is data to every loader but those of YAML with tags and of JSON that names code.
#include <algorithm>
#include <array>

#include "base/encoding.hpp"
#include "manifest/format_names.hpp"
#include "manifest/recognisers.hpp"

namespace shoal::manifest {
namespace {

constexpr std::size_t chunk_size = 64 * 1024;

/// How much of the end of a chunk may be the beginning of a character.
std::size_t cut_character(std::string_view chunk) {
  for (std::size_t back = 1; back <= 3 && back <= chunk.size(); ++back) {
    const auto c = static_cast<unsigned char>(chunk[chunk.size() - back]);
    if (c >= 0xC0) return c >= 0xF0 ? (back < 4 ? back : 0) : c >= 0xE0 ? (back < 3 ? back : 0) : (back < 2 ? back : 0);
    if (c < 0x80) return 0;
  }
  return 0;
}

bool is_text(const View& bytes) {
  for (ByteCount at = 0; at < bytes.size();) {
    std::string_view chunk = bytes.at(at, std::min<ByteCount>(chunk_size, bytes.size() - at));
    const bool last = at + chunk.size() == bytes.size();
    if (!last) chunk.remove_suffix(cut_character(chunk));
    if (chunk.empty() || chunk.find('\0') != std::string_view::npos || !is_utf8(chunk)) return false;
    at += chunk.size();
  }
  return true;
}

/// The first character that is not white space, or '\0'.
char first_sign(const View& bytes) {
  std::string_view head = bytes.head(chunk_size);
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  const std::size_t at = head.find_first_not_of(" \t\r\n\v\f");
  return at == std::string_view::npos ? '\0' : head[at];
}

bool is_tag_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!<>:/%.,;?@&=+$_~*'()#-").find(c) != std::string_view::npos;
}

/// Local tags, and those of YAML's own types. Tags that make objects have a path, a parameter, an escape or an address in them:
/// !!python/object, !new:module.Class (HyperPyYAML), !!pyth%6fn/name, !<tag:yaml.org,2002:python/name>.
bool is_harmless_tag(std::string_view tag) {
  tag.remove_prefix(tag.starts_with("!!") ? 2 : 1);
  return tag.find_first_of(":/%<!") == std::string_view::npos;
}

/// Reads YAML by character and looks at each tag: `!` where a node may begin. Tags in plain text count as well.
class TagScan {
 public:
  /// True when `c` ends a tag that makes an object, or begins a directive, which may give any tag another name.
  bool meets_object(char c) {
    if (!tag_.empty() && is_tag_character(c) && tag_.size() < 300) {
      tag_ += c;
      return false;
    }
    if (!tag_.empty()) {
      if (tag_.find_first_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%<") != std::string::npos && !is_harmless_tag(tag_))
        return true;
      tag_.clear();
    } else if (c == '!' && std::string_view(" \t\r\n[{,-:?(\"'").find(before_) != std::string_view::npos) {
      tag_ = "!";
    } else if (c == '%' && before_ == '\n') {
      return true;
    }
    before_ = c;
    return false;
  }

  bool ends_with_object() const { return !tag_.empty() && !is_harmless_tag(tag_); }

 private:
  std::string tag_;
  char before_ = '\n';
};

bool has_object_tags(const View& bytes) {
  Cursor at(bytes);
  TagScan scan;
  while (at.left() > 0) {
    const std::string chunk(at.take(std::min<ByteCount>(at.left(), chunk_size)));
    if (chunk.empty()) return false;
    if (std::any_of(chunk.begin(), chunk.end(), [&](char c) { return scan.meets_object(c); })) return true;
  }
  return scan.ends_with_object();
}

bool is_yaml(std::string_view path) { return has_ending(path, {".yaml", ".yml"}) || base_name(path) == "MLmodel"; }

}  // namespace

Verdict recognise_text(const Subject& subject, Facts& facts) {
  if (!is_text(subject.bytes)) return {};
  const char sign = first_sign(subject.bytes);
  if (is_yaml(subject.path) && has_object_tags(subject.bytes)) return bad("it is YAML whose tags make Python objects");
  if (sign == '{' || sign == '[' || has_ending(subject.path, {".json"})) {
    JsonNames names = names_in_json(subject.bytes, base_name(subject.path) == "model_index.json");
    if (!names.code.empty()) return bad(std::move(names.code));
    facts.modules.insert(facts.modules.end(), names.modules.begin(), names.modules.end());
  }
  if (sign == '<' && has_ending(subject.path, {".xml"})) note_openvino(subject, facts);
  return good();
}

}  // namespace shoal::manifest
