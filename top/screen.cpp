#include "top/screen.hpp"

#define NCURSES_NOMACROS 1
#include <ncurses.h>

#include <algorithm>
#include <clocale>
#include <cstdlib>

namespace shoal::top {
namespace {

constexpr int control_l = 12;

short pair_of(Tone tone) { return static_cast<short>(static_cast<int>(tone) + 1); }

attr_t attributes(Tone tone) {
  if (tone == Tone::title) return A_REVERSE;
  if (tone == Tone::head || tone == Tone::bad) return A_BOLD;
  return A_NORMAL;
}

void make_colors() {
  ::start_color();
  ::use_default_colors();
  const std::pair<Tone, short> colors[] = {
      {Tone::good, COLOR_GREEN}, {Tone::busy, COLOR_CYAN}, {Tone::warn, COLOR_YELLOW}, {Tone::bad, COLOR_RED}};
  for (const auto& [tone, color] : colors) ::init_pair(pair_of(tone), color, -1);
}

class Curses final : public Screen {
 public:
  Curses(SCREEN* screen, bool color) : screen_(screen), color_(color && ::has_colors()) {
    ::cbreak();
    ::noecho();
    ::curs_set(0);
    ::keypad(stdscr, TRUE);
    ::set_escdelay(25);
    if (color_) make_colors();
  }
  ~Curses() override {
    ::endwin();
    ::delscreen(screen_);
  }

  Size size() const override {
    return {static_cast<std::size_t>(std::max(1, ::getmaxx(stdscr))), static_cast<std::size_t>(std::max(1, ::getmaxy(stdscr)))};
  }

  void draw(const std::vector<Line>& lines) override {
    ::werase(stdscr);
    for (std::size_t y = 0; y < lines.size(); ++y) {
      if (::wmove(stdscr, static_cast<int>(y), 0) == ERR) break;
      for (const Span& span : lines[y]) put(span);
    }
    ::wrefresh(stdscr);
  }

  Key key(std::chrono::milliseconds patience) override {
    ::wtimeout(stdscr, static_cast<int>(patience.count()));
    switch (::wgetch(stdscr)) {
      case 'q':
      case 'Q': return Key::quit;
      case 's': return Key::sort;
      case KEY_UP:
      case 'k': return Key::up;
      case KEY_DOWN:
      case 'j': return Key::down;
      case KEY_PPAGE: return Key::page_up;
      case KEY_NPAGE:
      case ' ': return Key::page_down;
      case KEY_HOME: return Key::home;
      case KEY_END: return Key::end;
      case control_l: ::clearok(stdscr, TRUE); return Key::redraw;
      case KEY_RESIZE: return Key::redraw;
      default: return Key::none;
    }
  }

 private:
  void put(const Span& span) {
    ::wattr_set(stdscr, attributes(span.tone), color_ ? pair_of(span.tone) : short{0}, nullptr);
    ::waddnstr(stdscr, span.text.c_str(), static_cast<int>(span.text.size()));
    ::wattr_set(stdscr, A_NORMAL, 0, nullptr);
  }

  SCREEN* screen_;
  const bool color_;
};

}  // namespace

Result<std::unique_ptr<Screen>> Screen::open(bool color) {
  // Names are UTF-8, whatever the locale calls itself.
  if (std::setlocale(LC_CTYPE, "") == nullptr || MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
  SCREEN* screen = ::newterm(nullptr, stdout, stdin);
  const char* name = std::getenv("TERM");
  if (screen == nullptr)
    return fail(ErrorCode::usage,
                "cannot draw on a terminal of the type '" + std::string(name == nullptr ? "" : name) + "': set TERM, or use --once");
  return std::unique_ptr<Screen>(std::make_unique<Curses>(screen, color));
}

}  // namespace shoal::top
