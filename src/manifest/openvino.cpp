// OpenVINO's IR: an XML file says for each constant where it lies in the .bin file beside it.
#include <charconv>

#include "manifest/format_names.hpp"
#include "manifest/recognisers.hpp"

namespace shoal::manifest {
namespace {

constexpr std::size_t tag_limit = 16 * 1024, part_limit = 200'000;

std::optional<ByteCount> number_of(std::string_view tag, std::string_view attribute) {
  const std::string name = " " + std::string(attribute) + "=\"";
  const auto at = tag.find(name);
  if (at == std::string_view::npos) return {};
  ByteCount value = 0;
  const char* begin = tag.data() + at + name.size();
  const auto [end, error] = std::from_chars(begin, tag.data() + tag.size(), value);
  return error == std::errc() && end != tag.data() + tag.size() && *end == '"' ? std::optional(value) : std::nullopt;
}

void note(std::string_view tag, const std::string& path, bool& is_net, Facts& facts) {
  if (tag.starts_with("net ")) is_net = true;
  if (!is_net || !tag.starts_with("data ") || facts.raw.size() >= part_limit) return;
  const auto offset = number_of(tag, "offset"), size = number_of(tag, "size");
  if (offset && size) facts.raw.push_back({path, *offset, *size});
}

}  // namespace

void note_openvino(const Subject& subject, Facts& facts) {
  const std::string weights = std::string(subject.path.substr(0, subject.path.size() - 4)) + ".bin";
  Cursor at(subject.bytes);
  std::string tag;
  bool inside = false, is_net = false;
  while (at.left() > 0 && at.ok()) {
    for (char c : std::string(at.take(std::min<ByteCount>(at.left(), 64 * KiB)))) {
      if (c == '<') tag.clear();
      if (inside && c == '>') note(tag, weights, is_net, facts);
      if (inside && c != '<' && tag.size() < tag_limit) tag += c;
      inside = c == '<' || (inside && c != '>');
    }
  }
}

}  // namespace shoal::manifest
