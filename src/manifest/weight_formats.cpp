// Weights: safetensors, GGUF, what Flax writes (msgpack), CTranslate2's model.bin and the ggml files of whisper.cpp.
#include <algorithm>
#include <bit>

#include "manifest/checked_math.hpp"
#include "manifest/ggml_types.hpp"
#include "manifest/model_format.hpp"
#include "manifest/recognisers.hpp"

namespace shoal::manifest {
namespace {

using namespace std::string_view_literals;

constexpr int msgpack_depth_limit = 64;

/// One value of msgpack after another, by what it takes and how many values are in it.
class Msgpack {
 public:
  explicit Msgpack(const View& bytes) : at_(bytes) {}

  /// A map whose leaves are numbers, texts and arrays, as flax.serialization makes it.
  bool is_flax() {
    const std::uint8_t first = first_byte();
    if (!((first & 0xF0) == 0x80 && first != 0x80) && first != 0xDE && first != 0xDF) return false;
    std::vector<std::uint64_t> open{1};  // values that are still to come, at each depth
    while (!open.empty() && at_.ok()) {
      if (open.back() == 0) {
        open.pop_back();
        continue;
      }
      --open.back();
      std::uint64_t inside = 0;
      if (!value(inside)) return false;
      if (inside == 0) continue;
      if (open.size() >= msgpack_depth_limit || inside > at_.left()) return false;
      open.push_back(inside);
    }
    return at_.at_end();
  }

 private:
  std::uint8_t first_byte() const {
    const std::string_view first = at_.peek(1);
    return first.empty() ? 0 : static_cast<std::uint8_t>(first[0]);
  }

  bool value(std::uint64_t& inside) {
    const std::uint8_t type = at_.byte();
    if (!at_.ok()) return false;
    if (type < 0x80 || type >= 0xE0 || type == 0xC0 || type == 0xC2 || type == 0xC3) return true;
    if ((type & 0xF0) == 0x80) inside = 2ULL * (type & 0x0F);
    else if ((type & 0xF0) == 0x90) inside = type & 0x0F;
    else if ((type & 0xE0) == 0xA0) at_.skip(type & 0x1F);
    else if (type >= 0xCA && type <= 0xD3) at_.skip(type <= 0xCB ? 4U << (type - 0xCA) : 1U << ((type - 0xCC) & 3));
    else if (type >= 0xD9 && type <= 0xDB) at_.skip(at_.big(std::size_t{1} << (type - 0xD9)));
    else if (type == 0xDC || type == 0xDD) inside = at_.big(type == 0xDC ? 2 : 4);
    else if (type == 0xDE || type == 0xDF) inside = 2 * at_.big(type == 0xDE ? 2 : 4);
    else if (type >= 0xD4 && type <= 0xD8) return extension(std::uint64_t{1} << (type - 0xD4));
    else if (type >= 0xC7 && type <= 0xC9) return extension(at_.big(std::size_t{1} << (type - 0xC7)));
    else return false;  // plain bytes: Flax has none outside of its arrays, and msgpack-numpy keeps pickles in them
    return at_.ok();
  }

  /// 1: an array, 2: a complex number, 3: a number of numpy's; the first and the last are msgpack again: (shape, dtype, bytes).
  bool extension(std::uint64_t size) {
    const std::uint8_t kind = at_.byte();
    const View content = at_.part(size);
    return at_.ok() && (kind == 2 || ((kind == 1 || kind == 3) && is_array(content)));
  }

  static bool is_array(const View& content) {
    Cursor at(content);
    if (at.byte() != 0x93) return false;
    const std::uint8_t shape = at.byte();
    if ((shape & 0xF0) != 0x90) return false;
    for (int i = 0; i < (shape & 0x0F); ++i) {
      const std::uint8_t type = at.byte();
      if (type >= 0xCC && type <= 0xCF) at.skip(1U << (type - 0xCC));
      else if (type >= 0x80) return false;
    }
    const std::uint8_t name_type = at.byte();
    const std::string name(at.take((name_type & 0xE0) == 0xA0 ? name_type & 0x1F : name_type == 0xD9 ? at.byte() : 0));
    if (name.empty() || name.find("obj") != std::string::npos || name.find_first_of("O|<>") != std::string::npos) return false;
    const std::uint8_t type = at.byte();
    if (type < 0xC4 || type > 0xC6) return false;
    at.skip(at.big(std::size_t{1} << (type - 0xC4)));
    return at.at_end();
  }

  Cursor at_;
};

void skip_dimensions(Cursor& at, std::uint64_t count, std::uint64_t& elements, std::uint64_t& row) {
  for (std::uint64_t i = 0; i < count && at.ok(); ++i) {
    const std::uint64_t size = at.little(4);
    if (i == 0) row = size;
    if (!multiply(elements, size)) at.fail();
  }
}

/// models/model.cc of CTranslate2: version, name, revision, variables, and from version 3 on aliases.
bool is_ctranslate2(Cursor at) {
  const std::uint64_t version = at.little(4);
  if (version < 2 || version > 16) return false;
  const std::string name(at.take(at.little(2)));
  if (name.size() < 2 || name.size() > 64 || name.find('\0') != name.size() - 1) return false;
  at.skip(4);
  const std::uint64_t variables = at.little(4);
  if (variables > at.left() / 8) return false;
  for (std::uint64_t i = 0; i < variables && at.ok(); ++i) {
    at.skip(at.little(2));
    at.skip(4 * static_cast<ByteCount>(at.byte()));
    const std::uint64_t type = at.byte(), count = at.little(4);
    at.skip(version >= 4 ? count : type * count);
  }
  if (version >= 3) {
    const std::uint64_t aliases = at.little(4);
    for (std::uint64_t i = 0; i < 2 * aliases && at.ok(); ++i) at.skip(at.little(2));
  }
  return at.at_end();
}

/// whisper.cpp: eleven numbers, the mel filters, the vocabulary, tensors.
bool is_whisper(Cursor at) {
  at.skip(4 + 11 * 4);
  std::uint64_t filters = at.little(4), bins = at.little(4);
  if (!multiply(filters, bins) || !multiply(filters, 4)) return false;
  at.skip(filters);
  const std::uint64_t words = at.little(4);
  for (std::uint64_t i = 0; i < words && at.ok(); ++i) at.skip(at.little(4));
  while (at.ok() && at.left() > 0) {
    const std::uint64_t dimensions = at.little(4), name = at.little(4), type = at.little(4);
    std::uint64_t elements = 1, row = 1;
    if (dimensions > 4 || name > 256) return false;
    skip_dimensions(at, dimensions, elements, row);
    at.skip(name);
    const GgmlPacking* packing = ggml_packing(static_cast<std::uint32_t>(type));
    if (packing == nullptr || row % packing->elements != 0) return false;
    elements /= packing->elements;
    if (!multiply(elements, packing->bytes)) return false;
    at.skip(elements);
  }
  return at.at_end();
}

}  // namespace

Verdict recognise_safetensors(const View& bytes) {
  Cursor at(bytes);
  const std::uint64_t length = at.little(8);
  if (!at.ok() || length < 2 || length > at.left() || at.peek(1) != "{") return {};
  if (length > safetensors_header_limit) return {};
  const std::string header(at.take(length));
  return at.ok() && summarise_safetensors_header(header, at.left()).ok() ? good() : Verdict{};
}

Verdict recognise_gguf(const View& bytes) {
  if (bytes.at(0, 4) != "GGUF"sv) return {};
  const std::string_view version = bytes.at(4, 4);
  if (version != "\2\0\0\0"sv && version != "\3\0\0\0"sv) return bad("it is a GGUF file of a version that is not known");
  for (ByteCount length = MiB; bytes.sound(); length *= 8) {
    const std::string head(bytes.head(static_cast<std::size_t>(std::min(length, gguf_header_limit))));
    auto summary = summarise_gguf_header(head, bytes.size());
    if (summary.ok()) return good();
    if (summary.error().code != ErrorCode::partial || length >= gguf_header_limit) return bad("it is a GGUF file that is damaged or cut");
  }
  return {};
}

Verdict recognise_flax(const View& bytes) { return Msgpack(bytes).is_flax() ? good() : Verdict{}; }
Verdict recognise_ctranslate2(const View& bytes) { return is_ctranslate2(Cursor(bytes)) ? good() : Verdict{}; }
Verdict recognise_whisper(const View& bytes) { return bytes.at(0, 4) == "lmgg"sv && is_whisper(Cursor(bytes)) ? good() : Verdict{}; }

}  // namespace shoal::manifest
