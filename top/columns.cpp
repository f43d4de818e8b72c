#include "top/columns.hpp"

#include <algorithm>

namespace shoal::top {
namespace {

constexpr std::size_t gap = 1;

bool begins_character(char c) { return (c & 0xC0) != 0x80; }

std::size_t length(const std::string& text) { return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character)); }

std::string cut(const std::string& text, std::size_t width) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (begins_character(text[i]) && seen++ == width) return text.substr(0, i);
  return text;
}

}  // namespace

Columns::Columns(std::vector<Column> columns, std::size_t width, std::size_t least)
    : columns_(std::move(columns)), kept_(columns_.size(), true) {
  auto taken = [&] {
    std::size_t sum = 0;
    for (std::size_t i = 1; i < columns_.size(); ++i) sum += kept_[i] ? columns_[i].width + gap : 0;
    return sum;
  };
  while (taken() + least > width && taken() > 0) {
    std::size_t worst = 0;
    for (std::size_t i = 1; i < columns_.size(); ++i)
      if (kept_[i] && (worst == 0 || columns_[i].rank > columns_[worst].rank)) worst = i;
    kept_[worst] = false;
  }
  columns_.front().width = width - std::min(width, taken());
}

Span Columns::padded(const Column& column, Span cell) const {
  cell.text = fitted(cell.text, column.width, column.right);
  return cell;
}

Line Columns::heads() const {
  std::vector<Span> cells;
  for (const Column& column : columns_) cells.push_back({column.title, Tone::head});
  return row(cells);
}

Line Columns::row(const std::vector<Span>& cells) const {
  Line line;
  for (std::size_t i = 0; i < columns_.size() && i < cells.size(); ++i) {
    if (!kept_[i]) continue;
    if (!line.empty()) line.push_back({std::string(gap, ' '), cells[i].tone == Tone::head ? Tone::head : Tone::plain});
    line.push_back(padded(columns_[i], cells[i]));
  }
  return line;
}

std::string fitted(const std::string& text, std::size_t width, bool right) {
  const std::size_t size = length(text);
  if (size > width) return width == 0 ? "" : cut(text, width - 1) + "~";
  const std::string space(width - size, ' ');
  return right ? space + text : text + space;
}

std::string bar(unsigned percent, std::size_t width) {
  const std::size_t room = width - std::min<std::size_t>(width, 2), filled = std::min<std::size_t>(100, percent) * room / 100;
  std::string text(filled, '=');
  if (filled < room && percent > 0) text += '>';
  text.resize(room, ' ');
  return "[" + text + "]";
}

}  // namespace shoal::top
