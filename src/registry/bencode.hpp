// Bencoding (BEP 3), read from strangers and written in the one canonical form.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "base/units.hpp"

namespace shoal::registry {

/// A value that was read. Strings are views into the text that was parsed, which must outlive it.
class BencodeView {
 public:
  using List = std::vector<BencodeView>;
  using Dictionary = std::vector<std::pair<std::string_view, BencodeView>>;

  explicit BencodeView(std::int64_t integer) : value_(integer) {}
  explicit BencodeView(std::string_view string) : value_(string) {}
  explicit BencodeView(List list) : value_(std::move(list)) {}
  explicit BencodeView(Dictionary dictionary) : value_(std::move(dictionary)) {}

  // Null where the value is of another type.
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&value_); }
  const std::string_view* string() const { return std::get_if<std::string_view>(&value_); }
  const List* list() const { return std::get_if<List>(&value_); }
  const Dictionary* dictionary() const { return std::get_if<Dictionary>(&value_); }
  /// The member of a dictionary; null where there is none or this is no dictionary.
  const BencodeView* find(std::string_view key) const;

 private:
  std::variant<std::int64_t, std::string_view, List, Dictionary> value_;
};

struct BencodeLimits {
  ByteCount size = 1 * MiB;
  std::size_t depth = 8;
  std::size_t values = 100000;  // of all kinds, so that many empty lists cannot become much memory
};

/// Strict: one value and nothing after it, keys strictly rising, no leading zeroes, no "-0", integers of 64 bits.
Result<BencodeView> parse_bencode(std::string_view text, const BencodeLimits& limits = {});

/// A value to be written.
class Bencode {
 public:
  using List = std::vector<Bencode>;
  using Dictionary = std::map<std::string, Bencode, std::less<>>;  // sorted bytewise, as BEP 3 demands

  Bencode(std::int64_t integer) : value_(integer) {}
  Bencode(std::string string) : value_(std::move(string)) {}
  Bencode(std::string_view string) : value_(std::string(string)) {}
  Bencode(const char* string) : value_(std::string(string)) {}
  Bencode(List list) : value_(std::move(list)) {}
  Bencode(Dictionary dictionary) : value_(std::move(dictionary)) {}

  std::string encode() const;

 private:
  void append_to(std::string& out) const;
  std::variant<std::int64_t, std::string, List, Dictionary> value_;
};

}  // namespace shoal::registry
