#include "base/wording.hpp"

#include <algorithm>

namespace shoal {

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  const std::string number = std::to_string(count) + " ";
  if (count == 1 || many.empty()) return number + std::string(one) + (count == 1 ? "" : "s");
  return number + std::string(many);
}

std::string listed(const std::vector<std::string>& words, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < std::min(words.size(), most); ++i) text += (i == 0 ? "" : ", ") + words[i];
  return words.size() > most ? text + " and " + std::to_string(words.size() - most) + " more" : text;
}

}  // namespace shoal
