// Follows the opcodes of Python's pickle over a whole file, as an unpickler would that knows no values. Where the two unpicklers of Python
// differ, or where it is not known, it goes on: what it takes for a pickle may be none, but every pickle that executes is one to it.
#include "manifest/recognisers.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace shoal::manifest {
namespace {

/// What follows an opcode.
enum class Argument : std::uint8_t { none, byte, two, four, eight, number_line, line, two_name_lines, text1, text4, text8 };
/// What an opcode does with the marks on the stack. `gather`: all above the mark becomes one; `give`: all above it goes into what is below;
/// `pop`: the uppermost value, or else the mark.
enum class Marks : std::uint8_t { none, set, drop, gather, give, pop };

struct Opcode {
  unsigned char code;
  Argument argument = Argument::none;
  std::uint8_t needs = 0;  // values above the mark
  std::int8_t change = 0;  // of their number
  Marks marks = Marks::none;
  bool imports = false, calls = false;
};

using A = Argument;
using M = Marks;

// In the order of pickle.py.
constexpr Opcode opcodes[] = {
    {'(', A::none, 0, 0, M::set},
    {'0', A::none, 0, 0, M::pop},
    {'1', A::none, 0, 0, M::drop},
    {'2', A::none, 1, 1},
    {'F', A::number_line, 0, 1},
    {'I', A::number_line, 0, 1},
    {'J', A::four, 0, 1},
    {'K', A::byte, 0, 1},
    {'L', A::number_line, 0, 1},
    {'M', A::two, 0, 1},
    {'N', A::none, 0, 1},
    {'P', A::line, 0, 1},
    {'Q', A::none, 1, 0},
    {'R', A::none, 2, -1, M::none, false, true},
    {'S', A::line, 0, 1},
    {'T', A::text4, 0, 1},
    {'U', A::text1, 0, 1},
    {'V', A::line, 0, 1},
    {'X', A::text4, 0, 1},
    {'a', A::none, 2, -1},
    {'b', A::none, 2, -1, M::none, false, true},
    {'c', A::two_name_lines, 0, 1, M::none, true, false},
    {'d', A::none, 0, 1, M::gather},
    {'}', A::none, 0, 1},
    {'e', A::none, 0, 0, M::give},
    {'g', A::number_line, 0, 1},
    {'h', A::byte, 0, 1},
    {'i', A::two_name_lines, 0, 1, M::gather, true, true},
    {'j', A::four, 0, 1},
    {'l', A::none, 0, 1, M::gather},
    {']', A::none, 0, 1},
    {'o', A::none, 1, 1, M::gather, false, true},
    {'p', A::number_line, 1, 0},
    {'q', A::byte, 1, 0},
    {'r', A::four, 1, 0},
    {'s', A::none, 3, -2},
    {'t', A::none, 0, 1, M::gather},
    {')', A::none, 0, 1},
    {'u', A::none, 0, 0, M::give},
    {'G', A::eight, 0, 1},
    {0x80, A::byte, 0, 0},
    {0x81, A::none, 2, -1, M::none, false, true},
    {0x82, A::byte, 0, 1, M::none, true, false},
    {0x83, A::two, 0, 1, M::none, true, false},
    {0x84, A::four, 0, 1, M::none, true, false},
    {0x85, A::none, 1, 0},
    {0x86, A::none, 2, -1},
    {0x87, A::none, 3, -2},
    {0x88, A::none, 0, 1},
    {0x89, A::none, 0, 1},
    {0x8a, A::text1, 0, 1},
    {0x8b, A::text4, 0, 1},
    {'B', A::text4, 0, 1},
    {'C', A::text1, 0, 1},
    {0x8c, A::text1, 0, 1},
    {0x8d, A::text8, 0, 1},
    {0x8e, A::text8, 0, 1},
    {0x8f, A::none, 0, 1},
    {0x90, A::none, 0, 0, M::give},
    {0x91, A::none, 0, 1, M::gather},
    {0x92, A::none, 3, -2, M::none, false, true},
    {0x93, A::none, 2, -1, M::none, true, false},
    {0x94, A::none, 1, 0},
    {0x95, A::eight, 0, 0},
    {0x96, A::text8, 0, 1},
    {0x97, A::none, 0, 1},
    {0x98, A::none, 1, 0},
};

constexpr std::array<const Opcode*, 256> make_table() {
  std::array<const Opcode*, 256> table{};
  for (const Opcode& opcode : opcodes) table[opcode.code] = &opcode;
  return table;
}
constexpr auto table = make_table();

/// Identifiers and the dots between them. Modules with other names exist nowhere but beside the pickle.
bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         static_cast<unsigned char>(c) >= 0x80;
}
/// What Python's int and float read, in any base; also "Infinity".
bool is_number(char c) { return std::string_view("0123456789+-._ \t\r\v\fxXaAbBcCdDeEfFlLiInNoOtTyY").find(c) != std::string_view::npos; }
bool is_any(char) { return true; }

/// More steps than this and it is taken for a pickle: nothing else looks like one for so long.
constexpr std::size_t step_limit = 1 << 20;

class Walk {
 public:
  explicit Walk(const View& bytes) : at_(bytes) {}

  Verdict verdict() {
    if (at_.peek(14) == "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")
      return bad("it is a PyTorch file of the old kind, a Python pickle");
    while (at_.left() > 0 && !found_)
      if (!step()) break;
    return found_ ? bad("it is a Python pickle") : Verdict{};
  }

 private:
  /// False when no unpickler could go on.
  bool step() {
    if (++steps_ > step_limit) return found_ = true;
    const std::uint8_t code = at_.byte();
    if (code == '.') return stop();
    const Opcode* opcode = table[code];
    if (opcode == nullptr || values_.back() < opcode->needs) return false;
    protocol_ = protocol_ || (code == 0x80 && steps_ == 1);
    if (!skip(opcode->argument) || !at_.ok() || !apply(*opcode)) return false;
    imports_ = imports_ || opcode->imports;
    calls_ = calls_ || opcode->calls;
    found_ = imports_ && calls_;
    return true;
  }

  /// The end of a pickle. Loaders that read several call again for what follows, so the walk goes on there.
  bool stop() {
    if (values_.back() < 1) return false;
    const std::size_t steps = steps_ - begun_;
    const bool last = at_.left() <= 2;
    found_ = found_ || protocol_ || imports_ || (last && steps >= 4);
    values_.assign(1, 0);
    begun_ = steps_;
    return true;
  }

  bool apply(const Opcode& opcode) {
    if (opcode.marks == Marks::set) {
      values_.push_back(0);
      return true;
    }
    if (opcode.marks == Marks::pop && values_.back() > 0) {
      --values_.back();
      return true;
    }
    if (opcode.marks != Marks::none) {
      if (values_.size() < 2) return false;
      values_.pop_back();
      if (opcode.marks == Marks::give && values_.back() == 0) return false;
    }
    values_.back() += static_cast<std::size_t>(static_cast<std::ptrdiff_t>(opcode.change));
    return true;
  }

  bool skip(Argument argument) {
    switch (argument) {
      case A::none: return true;
      case A::byte: at_.skip(1); return true;
      case A::two: at_.skip(2); return true;
      case A::four: at_.skip(4); return true;
      case A::eight: at_.skip(8); return true;
      case A::line: return skip_line(is_any);
      case A::number_line: return skip_line(is_number);
      case A::two_name_lines: return skip_line(is_name) && skip_line(is_name);
      case A::text1: at_.skip(at_.little(1)); return true;
      case A::text4: at_.skip(at_.little(4)); return true;
      case A::text8: at_.skip(at_.little(8)); return true;
    }
    return false;
  }

  /// A line of these characters. An empty one is text, and neither a name nor a number; no name begins with a dot.
  bool skip_line(bool (*accepted)(char)) {
    if (accepted == is_name && at_.peek(1) == ".") return false;
    bool any = accepted == is_any;
    while (at_.ok() && at_.left() > 0) {
      const std::string_view ahead = at_.peek(4096);
      const std::size_t end = std::min(ahead.find('\n'), ahead.size());
      if (accepted != is_any && !std::all_of(ahead.begin(), ahead.begin() + static_cast<std::ptrdiff_t>(end), accepted)) return false;
      any = any || end > 0;
      const bool ended = end < ahead.size();
      at_.skip(end + (ended ? 1 : 0));
      if (ended) return any;
    }
    return false;
  }

  Cursor at_;
  std::size_t steps_ = 0, begun_ = 0;
  std::vector<std::size_t> values_{0};  // on the stack, between the marks
  bool found_ = false, protocol_ = false, imports_ = false, calls_ = false;
};

}  // namespace

Verdict recognise_pickle(const View& bytes) { return Walk(bytes).verdict(); }

}  // namespace shoal::manifest
