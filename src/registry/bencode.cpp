#include "registry/bencode.hpp"

#include <charconv>

namespace shoal::registry {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Recursive; the depth limit bounds the stack.
class Parser {
 public:
  Parser(std::string_view text, const BencodeLimits& limits) : text_(text), limits_(limits) {}

  Result<BencodeView> document() {
    SHOAL_TRY(BencodeView value, this->value(0));
    if (at_ != text_.size()) return bad("something follows the value");
    return value;
  }

 private:
  Error bad(std::string_view why) const { return fail("bad bencoding at byte " + std::to_string(at_) + ": " + std::string(why)); }
  bool ended() const { return at_ >= text_.size(); }
  bool next_is(char c) const { return !ended() && text_[at_] == c; }

  Result<BencodeView> value(std::size_t depth) {
    if (ended()) return bad("the text ends early");
    if (++values_ > limits_.values) return bad("too many values");
    if (is_digit(text_[at_])) return string_value();
    if (next_is('i')) return integer();
    if (!next_is('l') && !next_is('d')) return bad("not a value");
    if (depth >= limits_.depth) return bad("nested too deeply");
    return next_is('l') ? list(depth + 1) : dictionary(depth + 1);
  }

  Result<BencodeView> integer() {
    auto end = text_.find('e', ++at_);
    if (end == std::string_view::npos) return bad("an integer does not end");
    SHOAL_TRY(std::int64_t number, this->number(text_.substr(at_, end - at_)));
    at_ = end + 1;
    return BencodeView(number);
  }

  Result<std::int64_t> number(std::string_view digits) const {
    std::string_view magnitude = digits.starts_with('-') ? digits.substr(1) : digits;
    if (magnitude.empty() || !is_digit(magnitude[0])) return bad("not a number");
    if (magnitude[0] == '0' && digits != "0") return bad("a number starts with a zero");
    std::int64_t number = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size()) return bad("not a number of 64 bits");
    return number;
  }

  Result<std::string_view> string() {
    if (ended() || !is_digit(text_[at_])) return bad("not a string");
    auto colon = text_.find(':', at_);
    if (colon == std::string_view::npos) return bad("the length of a string does not end");
    SHOAL_TRY(std::int64_t length, number(text_.substr(at_, colon - at_)));
    if (static_cast<std::uint64_t>(length) > text_.size() - colon - 1) return bad("a string is longer than the text");
    at_ = colon + 1 + static_cast<std::size_t>(length);
    return text_.substr(colon + 1, static_cast<std::size_t>(length));
  }
  Result<BencodeView> string_value() {
    SHOAL_TRY(std::string_view text, string());
    return BencodeView(text);
  }

  Result<BencodeView> list(std::size_t depth) {
    BencodeView::List items;
    for (++at_; !next_is('e');) {
      SHOAL_TRY(BencodeView item, value(depth));
      items.push_back(std::move(item));
    }
    ++at_;
    return BencodeView(std::move(items));
  }

  Result<BencodeView> dictionary(std::size_t depth) {
    BencodeView::Dictionary members;
    for (++at_; !next_is('e');) {
      SHOAL_TRY(std::string_view key, string());
      if (!members.empty() && key <= members.back().first) return bad("keys are not in order");
      SHOAL_TRY(BencodeView member, value(depth));
      members.emplace_back(key, std::move(member));
    }
    ++at_;
    return BencodeView(std::move(members));
  }

  std::string_view text_;
  const BencodeLimits& limits_;
  std::size_t at_ = 0;
  std::size_t values_ = 0;
};

void append_string(std::string& out, std::string_view text) {
  out += std::to_string(text.size());
  out += ':';
  out += text;
}

}  // namespace

const BencodeView* BencodeView::find(std::string_view key) const {
  if (dictionary() == nullptr) return nullptr;
  for (const auto& [name, value] : *dictionary())
    if (name == key) return &value;
  return nullptr;
}

Result<BencodeView> parse_bencode(std::string_view text, const BencodeLimits& limits) {
  if (text.size() > limits.size)
    return fail("bencoding of " + format_bytes(text.size()) + " is larger than the limit of " + format_bytes(limits.size));
  return Parser(text, limits).document();
}

std::string Bencode::encode() const {
  std::string out;
  append_to(out);
  return out;
}

void Bencode::append_to(std::string& out) const {
  if (const auto* integer = std::get_if<std::int64_t>(&value_)) {
    out += 'i' + std::to_string(*integer) + 'e';
  } else if (const auto* string = std::get_if<std::string>(&value_)) {
    append_string(out, *string);
  } else if (const auto* list = std::get_if<List>(&value_)) {
    out += 'l';
    for (const Bencode& item : *list) item.append_to(out);
    out += 'e';
  } else {
    out += 'd';
    for (const auto& [key, value] : std::get<Dictionary>(value_)) {
      append_string(out, key);
      value.append_to(out);
    }
    out += 'e';
  }
}

}  // namespace shoal::registry
