#include "fanout/number_set.hpp"

namespace shoal::fanout {

std::optional<NumberSet::Number> NumberSet::first_common(const NumberSet& a, const NumberSet& b, Number from) {
  const std::size_t words = a.words_.size();
  if (a.empty() || b.empty()) return std::nullopt;
  const std::size_t start = from / 64;
  // The first word is looked at twice: from `from` on, and at the very end once more as a whole.
  std::uint64_t mask = ~std::uint64_t{0} << (from % 64);
  for (std::size_t step = 0; step <= words; ++step) {
    const std::size_t at = (start + step) % words;
    const std::uint64_t word = a.words_[at] & b.words_[at] & mask;
    if (word != 0) return number(at, word);
    mask = ~std::uint64_t{0};
  }
  return std::nullopt;
}

NumberSet::Number NumberSet::nth(std::size_t before) const {
  std::size_t at = 0;
  for (std::size_t here = 0; (here = static_cast<std::size_t>(std::popcount(words_[at]))) <= before; ++at) before -= here;
  std::uint64_t word = words_[at];
  for (; before > 0; --before) word &= word - 1;
  return number(at, word);
}

}  // namespace shoal::fanout
