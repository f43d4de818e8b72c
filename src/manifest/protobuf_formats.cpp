// ONNX (onnx.proto) and SentencePiece (sentencepiece_model.proto), as protocol buffers whose every field is one of the schema's, in the
// wire type that it has there. What an ONNX model says of files with its weights is noted.
#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include "base/encoding.hpp"
#include "manifest/format_names.hpp"
#include "manifest/recognisers.hpp"

namespace shoal::manifest {
namespace {

using namespace std::string_view_literals;

constexpr int graph_depth_limit = 16;
constexpr std::size_t raw_part_limit = 200'000;

struct Field {
  std::uint32_t number = 0;
  std::uint32_t wire = 0;  // 0: varint, 1: eight bytes, 2: length and bytes, 5: four bytes
  View bytes;              // of wire type 2
};

std::uint64_t varint(Cursor& at) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint8_t byte = at.byte();
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  at.fail();
  return 0;
}

/// The next field of a message, or nothing at its end or where it is none.
std::optional<Field> next_field(Cursor& at) {
  if (at.left() == 0) return {};
  const std::uint64_t key = varint(at);
  Field field{static_cast<std::uint32_t>(key >> 3), static_cast<std::uint32_t>(key & 7), at.view().part(0, 0)};
  if (field.wire == 0) (void)varint(at);
  else if (field.wire == 1) at.skip(8);
  else if (field.wire == 2) field.bytes = at.part(varint(at));
  else if (field.wire == 5) at.skip(4);
  else at.fail();
  if (field.number == 0 || key >> 32 != 0) at.fail();
  return at.ok() ? std::optional(field) : std::nullopt;
}

std::string text_of(const View& bytes, std::size_t limit = 4096) { return std::string(bytes.head(limit)); }

/// Of a message: which fields it has, and in which wire types (bits).
struct Known {
  std::uint32_t number;
  std::uint32_t wires;
};
constexpr std::uint32_t V = 1 << 0, F8 = 1 << 1, L = 1 << 2, F4 = 1 << 5;

bool is_known(std::span<const Known> schema, const Field& field) {
  return std::any_of(schema.begin(), schema.end(),
                     [&](const Known& known) { return known.number == field.number && (known.wires >> field.wire & 1) != 0; });
}

// --- ONNX ---

constexpr std::array<Known, 12> model_fields{
    {{1, V}, {2, L}, {3, L}, {4, L}, {5, V}, {6, L}, {7, L}, {8, L}, {14, L}, {20, L}, {25, L}, {26, L}}};
constexpr std::array<Known, 10> graph_fields{{{1, L}, {2, L}, {5, L}, {10, L}, {11, L}, {12, L}, {13, L}, {14, L}, {15, L}, {16, L}}};
constexpr std::array<Known, 10> node_fields{{{1, L}, {2, L}, {3, L}, {4, L}, {5, L}, {6, L}, {7, L}, {8, L}, {9, L}, {10, L}}};
constexpr std::array<Known, 18> attribute_fields{{{1, L},
                                                  {2, F4},
                                                  {3, V},
                                                  {4, L},
                                                  {5, L},
                                                  {6, L},
                                                  {7, L | F4},
                                                  {8, L | V},
                                                  {9, L},
                                                  {10, L},
                                                  {11, L},
                                                  {13, L},
                                                  {14, L},
                                                  {15, L},
                                                  {20, V},
                                                  {21, L},
                                                  {22, L},
                                                  {23, L}}};
constexpr std::array<Known, 16> tensor_fields{{{1, L | V},
                                               {2, V},
                                               {3, L},
                                               {4, L | F4},
                                               {5, L | V},
                                               {6, L},
                                               {7, L | V},
                                               {8, L},
                                               {9, L},
                                               {10, L | F8},
                                               {11, L | V},
                                               {12, L},
                                               {13, L},
                                               {14, V},
                                               {15, L},
                                               {16, L}}};
constexpr std::array<Known, 14> function_fields{
    {{1, L}, {2, L | V}, {3, V}, {4, L}, {5, L}, {6, L}, {7, L}, {8, L}, {9, L}, {10, L}, {11, L}, {12, L}, {13, L}, {14, L}}};

/// Walks over a model. `why` is set where it has what executes code, `ok` false where it is no ONNX.
class Onnx {
 public:
  Onnx(std::string_view path, std::vector<RawPart>& raw) : folder_(folder_of(path)), raw_(raw) {}

  bool model(const View& bytes) {
    bool version = false, graph_seen = false;
    const bool ok = fields(bytes, model_fields, [&](const Field& field) {
      version = version || field.number == 1;
      graph_seen = graph_seen || field.number == 7;
      if (field.number == 7) return graph(field.bytes, 0);
      if (field.number == 20) return training(field.bytes);
      if (field.number == 25) return function(field.bytes);
      return true;
    });
    return ok && version && graph_seen;
  }
  const std::string& why() const { return why_; }

 private:
  template <class See>
  bool fields(const View& bytes, std::span<const Known> schema, See see) {
    Cursor at(bytes);
    while (auto field = next_field(at))
      if (!is_known(schema, *field) || !see(*field)) return false;
    return at.at_end();
  }

  bool graph(const View& bytes, int depth) {
    if (depth > graph_depth_limit) return false;
    return fields(bytes, graph_fields, [&](const Field& field) {
      if (field.number == 1) return node(field.bytes, depth);
      if (field.number == 5) return tensor(field.bytes);
      if (field.number == 15) return sparse(field.bytes);
      return true;
    });
  }

  bool function(const View& bytes) {
    return fields(bytes, function_fields, [&](const Field& field) {
      if (field.number == 11) return attribute(field.bytes, 0);
      return field.number != 7 || node(field.bytes, 0);
    });
  }

  bool training(const View& bytes) {
    static constexpr std::array<Known, 4> schema{{{1, L}, {2, L}, {3, L}, {4, L}}};
    return fields(bytes, schema, [&](const Field& field) { return field.number > 2 || graph(field.bytes, 0); });
  }

  bool node(const View& bytes, int depth) {
    return fields(bytes, node_fields, [&](const Field& field) {
      if (field.number == 4) see_operator(text_of(field.bytes));
      return field.number != 5 || attribute(field.bytes, depth);
    });
  }

  /// Operators that are a container of code for a runtime, or call Python.
  void see_operator(const std::string& name) {
    static constexpr std::array<std::string_view, 6> with_code{"EPContext", "PyOp",         "PyCustomOp",
                                                               "PythonOp",  "PythonOpGrad", "TRT_EngineOp"};
    if (std::find(with_code.begin(), with_code.end(), name) != with_code.end())
      why_ = "it is an ONNX model with the operator " + printable(name) + ", which executes code that is compiled or written in Python";
  }

  bool attribute(const View& bytes, int depth) {
    return fields(bytes, attribute_fields, [&](const Field& field) {
      if (field.number == 5 || field.number == 10) return tensor(field.bytes);
      if (field.number == 6 || field.number == 11) return graph(field.bytes, depth + 1);
      if (field.number == 22 || field.number == 23) return sparse(field.bytes);
      return true;
    });
  }

  bool sparse(const View& bytes) {
    static constexpr std::array<Known, 3> schema{{{1, L}, {2, L}, {3, L | V}}};
    return fields(bytes, schema, [&](const Field& field) { return field.number == 3 || tensor(field.bytes); });
  }

  bool tensor(const View& bytes) {
    RawPart part;
    const bool ok = fields(bytes, tensor_fields, [&](const Field& field) { return field.number != 13 || external(field.bytes, part); });
    if (!part.path.empty()) note(std::move(part));
    return ok;
  }

  bool external(const View& bytes, RawPart& part) {
    static constexpr std::array<Known, 2> schema{{{1, L}, {2, L}}};
    std::string key, value;
    if (!fields(bytes, schema, [&](const Field& field) {
          (field.number == 1 ? key : value) = text_of(field.bytes);
          return true;
        }))
      return false;
    if (key == "location") part.path = value;
    ByteCount number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    const bool whole = error == std::errc() && end == value.data() + value.size();
    if ((key == "offset" || key == "length") && !whole) return false;
    if (key == "offset") part.offset = number;
    if (key == "length") part.length = number;
    return true;
  }

  void note(RawPart part) {
    while (part.path.starts_with("./")) part.path.erase(0, 2);
    if (part.path.starts_with('/') || ("/" + part.path + "/").find("/../") != std::string::npos)
      why_ = "it is an ONNX model that takes weights from outside of its directory";
    if (raw_.size() >= raw_part_limit) why_ = "it is an ONNX model that describes more parts of other files than can be looked at";
    part.path = folder_ + part.path;
    if (why_.empty()) raw_.push_back(std::move(part));
  }

  const std::string folder_;
  std::vector<RawPart>& raw_;
  std::string why_;
};

// --- SentencePiece ---

bool is_piece(const View& bytes) {
  static constexpr std::array<Known, 3> schema{{{1, L}, {2, F4}, {3, V}}};
  Cursor at(bytes);
  bool named = false;
  while (auto field = next_field(at)) {
    if (!is_known(schema, *field)) return false;
    named = named || field->number == 1;
  }
  return at.at_end() && named;
}

bool is_sentencepiece(const View& bytes) {
  static constexpr std::array<Known, 5> schema{{{1, L}, {2, L}, {3, L}, {4, L}, {5, L}}};
  Cursor at(bytes);
  std::size_t pieces = 0, described = 0;
  while (auto field = next_field(at)) {
    if (!is_known(schema, *field) || (field->number == 1 && !is_piece(field->bytes))) return false;
    ++(field->number == 1 ? pieces : described);
  }
  return at.at_end() && pieces > 0 && described > 0;
}

}  // namespace

Verdict recognise_onnx(const Subject& subject, Facts& facts) {
  std::vector<RawPart> raw;
  Onnx onnx(subject.path, raw);
  const bool is = onnx.model(subject.bytes);
  if (!onnx.why().empty()) return bad(onnx.why());
  if (!is) return {};
  facts.raw.insert(facts.raw.end(), raw.begin(), raw.end());
  return good();
}

Verdict recognise_sentencepiece(const View& bytes) { return is_sentencepiece(bytes) ? good() : Verdict{}; }

}  // namespace shoal::manifest
