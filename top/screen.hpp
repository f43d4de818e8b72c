// A terminal in full-screen mode, through ncurses.
#pragma once

#include <chrono>
#include <memory>

#include "base/result.hpp"
#include "top/layout.hpp"

namespace shoal::top {

enum class Key { none, quit, sort, up, down, page_up, page_down, home, end, redraw };

/// One at a time, and one thread. The destructor gives the terminal back as it was.
class Screen {
 public:
  /// Code `usage` where TERM names no terminal that can be drawn on.
  static Result<std::unique_ptr<Screen>> open(bool color);
  virtual ~Screen() = default;
  virtual Size size() const = 0;
  virtual void draw(const std::vector<Line>& lines) = 0;
  /// Waits for a key for as long as `patience`. A change of the terminal's size is `redraw`.
  virtual Key key(std::chrono::milliseconds patience) = 0;
};

}  // namespace shoal::top
