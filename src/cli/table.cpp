#include "cli/table.hpp"

#include <algorithm>

namespace shoal::cli {
namespace {

std::size_t width(const std::string& cell) {
  return static_cast<std::size_t>(
      std::count_if(cell.begin(), cell.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::vector<std::size_t> widths(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widest;
  for (const auto& row : rows) {
    widest.resize(std::max(widest.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widest[i] = std::max(widest[i], width(row[i]));
  }
  return widest;
}

std::string line(const std::vector<std::string>& row, const std::vector<std::size_t>& widest) {
  std::string text;
  for (std::size_t i = 0; i < row.size(); ++i) text += row[i] + std::string(widest[i] - width(row[i]) + 2, ' ');
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace

std::string Table::text() const {
  const auto widest = widths(rows_);
  std::string text;
  for (const auto& row : rows_) text += (text.empty() ? "" : "\n") + line(row, widest);
  return text;
}

}  // namespace shoal::cli
