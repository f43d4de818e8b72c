// A set of small integers that is searched 64 at a time. Pure.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace shoal::fanout {

/// Members are below the bound given to the constructor. The intersection of two sets is searched 64 numbers at a time, so finding the few
/// pieces that a peer still lacks is cheap however many pieces exist. One thread at a time.
class NumberSet {
 public:
  using Number = std::uint32_t;

  explicit NumberSet(Number bound = 0) : words_((std::size_t{bound} + 63) / 64) {}

  void insert(Number number) {
    size_ += contains(number) ? 0 : 1;
    words_[number / 64] |= bit(number);
  }
  void erase(Number number) {
    size_ -= contains(number) ? 1 : 0;
    words_[number / 64] &= ~bit(number);
  }
  void set(Number number, bool member) { member ? insert(number) : erase(number); }
  bool contains(Number number) const { return (words_[number / 64] & bit(number)) != 0; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  /// The first member from this number on, and after the last one from 0 on. The set must not be empty.
  Number first_from(Number from) const { return *first_common(*this, *this, from); }
  /// The same for what both sets have; nothing if they have nothing in common. Their bounds must be equal.
  static std::optional<Number> first_common(const NumberSet& a, const NumberSet& b, Number from);
  static bool intersect(const NumberSet& a, const NumberSet& b) { return first_common(a, b, 0).has_value(); }
  /// The member that has `before` smaller ones; `before` is less than size().
  Number nth(std::size_t before) const;
  /// Calls use(number) for each that both sets have, in rising order.
  template <class Use>
  static void each_common(const NumberSet& a, const NumberSet& b, Use use) {
    for (std::size_t at = 0; at < a.words_.size(); ++at)
      for (std::uint64_t word = a.words_[at] & b.words_[at]; word != 0; word &= word - 1) use(number(at, word));
  }

 private:
  static std::uint64_t bit(Number number) { return std::uint64_t{1} << (number % 64); }
  static Number number(std::size_t at, std::uint64_t word) {
    return static_cast<Number>(at * 64) + static_cast<Number>(std::countr_zero(word));
  }

  std::vector<std::uint64_t> words_;
  std::size_t size_ = 0;
};

}  // namespace shoal::fanout
