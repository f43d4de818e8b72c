// Cells of fixed width, of which the least important go where the terminal is narrow. Pure.
#pragma once

#include <string>
#include <vector>

#include "top/layout.hpp"

namespace shoal::top {

struct Column {
  std::string title;
  std::size_t width = 0;
  bool right = false;
  int rank = 0;  // those with the highest go first
};

/// Columns in their order; the first takes what the others leave.
class Columns {
 public:
  /// At most `width` columns in all, with at least `least` for the first.
  Columns(std::vector<Column> columns, std::size_t width, std::size_t least);
  Line heads() const;
  /// A cell for each column that was given; cells of columns that went are left out.
  Line row(const std::vector<Span>& cells) const;

 private:
  Span padded(const Column& column, Span cell) const;
  std::vector<Column> columns_;
  std::vector<bool> kept_;
};

/// The text in exactly `width` columns.
std::string fitted(const std::string& text, std::size_t width, bool right = false);
/// "[====>    ]" of `width` columns.
std::string bar(unsigned percent, std::size_t width);

}  // namespace shoal::top
