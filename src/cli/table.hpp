// Aligned columns for lists that people read.
#pragma once

#include <string>
#include <vector>

namespace shoal::cli {

/// Pads every column to its widest cell; two spaces between columns, none at the end of a line. Widths count UTF-8 code points.
class Table {
 public:
  explicit Table(std::vector<std::string> heads) : rows_{std::move(heads)} {}
  /// Missing cells at the end are empty.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.size() == 1; }
  /// The heads and the rows, a line each, without a newline at the end.
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace shoal::cli
