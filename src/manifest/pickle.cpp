#include "manifest/pickle.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace shoal::manifest {
namespace {

/// What follows an opcode.
enum class Argument : std::uint8_t {
  none,
  byte,
  two,
  four,
  eight,
  number_line,
  quoted_line,
  line,
  two_name_lines,
  text1,
  text4,
  text8,
  frame
};
/// What an opcode does with the marks on the stack. `gather`: all above the mark becomes one; `give`: all above it goes into what is below.
enum class Marks : std::uint8_t { none, set, drop, gather, give };

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
    {'0', A::none, 1, -1},
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
    {'S', A::quoted_line, 0, 1},
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
    {0x82, A::byte, 0, 1},  // from a registry that is empty where nobody filled it: no import of the pickle's own
    {0x83, A::two, 0, 1},
    {0x84, A::four, 0, 1},
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
    {0x95, A::frame, 0, 0},
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

bool is_name_line(std::string_view line) {
  return !line.empty() && std::all_of(line.begin(), line.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           static_cast<unsigned char>(c) >= 0x80;
  });
}

bool is_number_line(std::string_view line) {
  return !line.empty() && line.find_first_not_of("0123456789+-._ \t\rxXaAbBcCdDeEfFlLiInNoO") == std::string_view::npos &&
         line.find_first_of("0123456789n") != std::string_view::npos;
}

/// The unpickler without its values.
class Walk {
 public:
  Walk(std::string_view head, ByteCount file_size) : head_(head), file_size_(std::max<ByteCount>(file_size, head.size())) {}

  bool is_pickle() {
    const bool protocol = head_.size() >= 2 && head_[0] == '\x80' && head_[1] >= 2 && head_[1] <= 5;
    if (protocol) at_ = 2;
    while (!ended_ && step()) ++steps_;
    if (imports_ && calls_) return true;
    if (stopped_) return protocol || imports_;
    // Nothing was wrong up to the end of what is known, and the file goes on.
    if (ran_out_ && head_.size() < file_size_) return steps_ >= (protocol ? 1U : 64U);
    return protocol && steps_ >= 8;
  }

 private:
  /// False when the walk is over.
  bool step() {
    if (at_ >= head_.size()) return !(ran_out_ = true);
    const auto code = static_cast<unsigned char>(head_[at_++]);
    if (code == '.') {
      stopped_ = values_.back() >= 1;
      return false;
    }
    const Opcode* opcode = table[code];
    if (opcode == nullptr || values_.back() < opcode->needs || !skip(opcode->argument) || !apply(*opcode)) return false;
    imports_ = imports_ || opcode->imports;
    calls_ = calls_ || opcode->calls;
    return true;
  }

  bool apply(const Opcode& opcode) {
    if (opcode.marks == Marks::set) {
      values_.push_back(0);
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
      case A::byte: return skip_bytes(1);
      case A::two: return skip_bytes(2);
      case A::four: return skip_bytes(4);
      case A::eight: return skip_bytes(8);
      case A::line: return skip_line([](std::string_view) { return true; });
      case A::number_line: return skip_line(is_number_line);
      case A::quoted_line: return skip_line([](std::string_view line) { return line.size() >= 2 && (line[0] == '\'' || line[0] == '"'); });
      case A::two_name_lines: return skip_line(is_name_line) && skip_line(is_name_line);
      case A::text1: return skip_text(1);
      case A::text4: return skip_text(4);
      case A::text8: return skip_text(8);
      case A::frame: return skip_frame();
    }
    return false;
  }

  /// An argument that goes beyond the file is no argument; one that goes beyond what is known ends the walk.
  bool skip_bytes(ByteCount count) {
    if (count > file_size_ || at_ > file_size_ - count) return false;
    at_ += count;
    if (at_ > head_.size()) ended_ = ran_out_ = true;
    return true;
  }

  template <class Accept>
  bool skip_line(Accept accept) {
    const std::size_t end = at_ > head_.size() ? std::string_view::npos : head_.find('\n', at_);
    if (end == std::string_view::npos) {
      ran_out_ = true;
      return false;
    }
    const bool good = accept(head_.substr(at_, end - at_));
    at_ = end + 1;
    return good;
  }

  /// A little-endian length, and so many bytes.
  bool skip_text(std::size_t width) {
    ByteCount length = 0;
    return read_length(width, length) && skip_bytes(length);
  }

  /// Its bytes are opcodes again.
  bool skip_frame() {
    ByteCount length = 0;
    return read_length(8, length) && length <= file_size_ && at_ <= file_size_ - length;
  }

  bool read_length(std::size_t width, ByteCount& length) {
    if (head_.size() - at_ < width) {
      ran_out_ = true;
      return false;
    }
    for (std::size_t i = width; i > 0; --i) length = length << 8 | static_cast<unsigned char>(head_[at_ + i - 1]);
    at_ += width;
    return true;
  }

  const std::string_view head_;
  const ByteCount file_size_;
  std::size_t at_ = 0;
  std::size_t steps_ = 0;
  std::vector<std::size_t> values_{0};  // on the stack, between the marks
  bool ended_ = false, ran_out_ = false, stopped_ = false, imports_ = false, calls_ = false;
};

}  // namespace

bool looks_like_pickle(std::string_view head, ByteCount file_size) { return Walk(head, file_size).is_pickle(); }

}  // namespace shoal::manifest
