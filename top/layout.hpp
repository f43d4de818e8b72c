// The fleet as lines for a terminal of any size. Pure.
#pragma once

#include <string>
#include <vector>

#include "top/picture.hpp"

namespace shoal::top {

/// The meaning of a piece of text. Colours come from it; no state is shown by colour alone.
enum class Tone { plain, title, head, good, busy, warn, bad };
struct Span {
  std::string text;  // printable, UTF-8
  Tone tone = Tone::plain;
};
using Line = std::vector<Span>;

enum class Sort { state, name, progress, rate };
std::string_view name(Sort sort);
Sort after(Sort sort);  // the next one, round

struct Wish {
  Sort sort = Sort::state;
  std::size_t first = 0;  // of the machines: the first that is shown
};

/// `height` 0: as many lines as there are, without the line of keys.
struct Size {
  std::size_t width = 80, height = 24;
};

struct Page {
  std::vector<Line> lines;  // at most `height`, each at most `width` columns, counting each code point as one
  std::size_t machines = 0, shown = 0;
};

/// `wish.first` becomes one that exists.
Page lay_out(const Picture& picture, Wish& wish, Size size);
std::string text_of(const Line& line);

}  // namespace shoal::top
