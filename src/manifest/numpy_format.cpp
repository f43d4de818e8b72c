// numpy.lib.format: a header that is the text of a Python dictionary, then the numbers. numpy.load reads several arrays one after the other
// from a file, so all of them are looked at. Arrays of objects are pickles; numpy knows many spellings of their dtype, so the plain ones
// are listed instead.
#include <algorithm>
#include <charconv>

#include "manifest/checked_math.hpp"
#include "manifest/recognisers.hpp"

namespace shoal::manifest {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t header_limit = 1024 * 1024;
constexpr int depth_limit = 8;

/// Python's literals as numpy writes them: no escapes, no prefixes, no joined strings.
class Literal {
 public:
  explicit Literal(std::string_view text) : text_(text) {}

  bool accept(char c) {
    skip_space();
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::optional<std::string_view> string() {
    skip_space();
    if (text_.empty() || (text_.front() != '\'' && text_.front() != '"')) return {};
    const std::size_t end = text_.find(text_.front(), 1);
    if (end == std::string_view::npos) return {};
    const std::string_view value = text_.substr(1, end - 1);
    if (value.find_first_of("\\\n\r"sv) != std::string_view::npos) return {};
    text_.remove_prefix(end + 1);
    skip_space();
    if (!text_.empty() && (text_.front() == '\'' || text_.front() == '"')) return {};
    return value;
  }
  std::optional<std::uint64_t> number() {
    skip_space();
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    if (error != std::errc()) return {};
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    if (!text_.empty() && text_.front() == 'L') text_.remove_prefix(1);  // as Python 2 wrote it
    return value;
  }
  bool word(std::string_view expected) {
    skip_space();
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }
  bool at_end() {
    skip_space();
    return text_.empty();
  }

 private:
  void skip_space() { text_.remove_prefix(std::min(text_.find_first_not_of(" \t\n"), text_.size())); }
  std::string_view text_;
};

/// Bytes of one element of a dtype such as "<f4"; nothing where it is not one of those that hold numbers, text or plain bytes.
std::optional<std::uint64_t> plain_size(std::string_view dtype) {
  if (!dtype.empty() && "<>|="sv.find(dtype.front()) != std::string_view::npos) dtype.remove_prefix(1);
  if (dtype.empty()) return {};
  const char kind = dtype.front();
  dtype.remove_prefix(1);
  if (const auto unit = dtype.find('['); unit != std::string_view::npos && (kind == 'm' || kind == 'M')) {
    if (dtype.back() != ']' || dtype.find_first_not_of("abcdefghijklmnopqrstuvwxyzYMWDAhmsunpf0123456789/", unit + 1) != dtype.size() - 1)
      return {};
    dtype = dtype.substr(0, unit);
  }
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(dtype.data(), dtype.data() + dtype.size(), size);
  if (error != std::errc() || end != dtype.data() + dtype.size() || size > UINT32_MAX) return {};
  auto is_one_of = [&](std::initializer_list<std::uint64_t> sizes) { return std::find(sizes.begin(), sizes.end(), size) != sizes.end(); };
  switch (kind) {
    case 'b': return is_one_of({1}) ? std::optional(size) : std::nullopt;
    case 'i':
    case 'u': return is_one_of({1, 2, 4, 8}) ? std::optional(size) : std::nullopt;
    case 'f': return is_one_of({1, 2, 4, 8, 12, 16}) ? std::optional(size) : std::nullopt;
    case 'c': return is_one_of({8, 16, 24, 32}) ? std::optional(size) : std::nullopt;
    case 'm':
    case 'M': return is_one_of({8}) ? std::optional(size) : std::nullopt;
    case 'S':
    case 'a':
    case 'V': return size;
    case 'U': return size * 4;
    default: return {};
  }
}

/// "(2, 3)", "(3,)", "()".
std::optional<std::uint64_t> elements(Literal& text) {
  if (!text.accept('(')) return {};
  std::uint64_t product = 1;
  while (!text.accept(')')) {
    const auto size = text.number();
    if (!size || !multiply(product, *size)) return {};
    if (!text.accept(',')) return text.accept(')') ? std::optional(product) : std::nullopt;
  }
  return product;
}

std::optional<std::uint64_t> dtype_size(Literal& text, int depth);

/// One field of a record: (name, dtype) or (name, dtype, shape); a name may be (title, name).
std::optional<std::uint64_t> field_size(Literal& text, int depth) {
  if (!text.accept('(')) return {};
  if (text.accept('(')) {
    if (!text.string() || !text.accept(',') || !text.string() || !text.accept(')')) return {};
  } else if (!text.string()) {
    return {};
  }
  if (!text.accept(',')) return {};
  auto size = dtype_size(text, depth + 1);
  if (!size) return {};
  if (text.accept(',')) {
    const auto count = elements(text);
    if (!count || !multiply(*size, *count)) return {};
  }
  return text.accept(')') ? size : std::nullopt;
}

std::optional<std::uint64_t> dtype_size(Literal& text, int depth) {
  if (depth > depth_limit) return {};
  if (!text.accept('[')) {
    const auto name = text.string();
    return name ? plain_size(*name) : std::nullopt;
  }
  std::uint64_t total = 0;
  while (!text.accept(']')) {
    const auto size = field_size(text, depth);
    if (!size || !add(total, *size)) return {};
    if (!text.accept(',')) return text.accept(']') ? std::optional(total) : std::nullopt;
  }
  return total;
}

/// Bytes of the array that a header describes; each member exactly once.
std::optional<std::uint64_t> array_size(std::string_view header) {
  Literal text(header);
  std::optional<std::uint64_t> item, count;
  bool order = false;
  if (!text.accept('{')) return {};
  while (!text.accept('}')) {
    const auto key = text.string();
    if (!key || !text.accept(':')) return {};
    if (*key == "descr" && !item) item = dtype_size(text, 0);
    else if (*key == "shape" && !count) count = elements(text);
    else if (*key == "fortran_order" && !order) order = text.word("False") || text.word("True");
    else return {};
    if ((*key == "descr" && !item) || (*key == "shape" && !count) || (*key == "fortran_order" && !order)) return {};
    if (!text.accept(',')) {
      if (!text.accept('}')) return {};
      break;
    }
  }
  if (!text.at_end() || !item || !count || !order || !multiply(*count, *item)) return {};
  return count;
}

}  // namespace

Verdict recognise_numpy(const View& bytes) {
  if (bytes.at(0, 6) != "\x93NUMPY"sv) return {};
  Cursor at(bytes);
  while (at.left() > 0) {
    if (at.take(6) != "\x93NUMPY"sv) return bad("it is a numpy array, and goes on after its end");
    const std::uint8_t version = at.byte();
    at.skip(1);
    const std::uint64_t length = at.little(version == 1 ? 2 : 4);
    if (!at.ok() || version < 1 || version > 3 || length > header_limit) return bad("it is a numpy array whose header is damaged");
    const auto size = array_size(at.take(length));
    if (!size) return bad("it is a numpy array of a dtype that is not of plain numbers: arrays of Python objects are pickled");
    at.skip(*size);
    if (!at.ok()) return bad("it is a numpy array that is cut");
  }
  return good();
}

}  // namespace shoal::manifest
