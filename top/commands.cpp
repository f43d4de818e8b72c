#include "top/commands.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "cli/state_option.hpp"
#include "member/member_session.hpp"
#include "member/trust_chain.hpp"
#include "top/screen.hpp"
#include "top/watcher.hpp"

namespace shoal::top {
namespace {

constexpr std::chrono::milliseconds patience{250};  // until the screen shows what is new
constexpr std::chrono::milliseconds line_interval{2000};
constexpr std::size_t width_without_terminal = 120;

/// 80 where the terminal does not know, as in a serial console.
std::size_t terminal_width() {
  winsize size{};
  if (::isatty(STDOUT_FILENO) == 0) return width_without_terminal;
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : Size{}.width;
}

void print(const Picture& picture, cli::Output& out) {
  Wish wish;
  std::string text;
  if (!out.json())
    for (const Line& line : lay_out(picture, wish, {terminal_width(), 0}).lines) text += (text.empty() ? "" : "\n") + text_of(line);
  out.result(out.json() ? to_json(picture) : Json::object(), text);
}

void scroll(Wish& wish, Key key, const Page& page) {
  const std::size_t step = key == Key::page_up || key == Key::page_down ? std::max<std::size_t>(page.shown, 1) : 1;
  switch (key) {
    case Key::up:
    case Key::page_up: wish.first -= std::min(wish.first, step); break;
    case Key::down:
    case Key::page_down: wish.first += step; break;  // the layout stops at the last machine
    case Key::home: wish.first = 0; break;
    case Key::end: wish.first = page.machines; break;
    case Key::sort: wish.sort = after(wish.sort); break;
    default: break;
  }
}

Status show(cli::Invocation& call, const Watcher& watcher) {
  SHOAL_TRY(const auto screen, Screen::open(std::getenv("NO_COLOR") == nullptr));
  Wish wish;
  Page page;
  std::shared_ptr<const Picture> drawn;
  for (Key key = Key::redraw; key != Key::quit && !call.shutdown.requested(); key = screen->key(patience)) {
    scroll(wish, key, page);
    const auto picture = watcher.picture();
    if (key == Key::none && picture == drawn) continue;
    page = lay_out(*picture, wish, screen->size());
    screen->draw(page.lines);
    drawn = picture;
  }
  return {};
}

/// A tracker that does not answer ends nothing: the line says so.
Status print_lines(cli::Invocation& call, Watcher& watcher) {
  print(*watcher.picture(), call.out);
  while (call.out.results_written() && sleep_for(line_interval, call.shutdown.token())) {
    (void)watcher.look();
    print(*watcher.picture(), call.out);
  }
  return {};
}

Status run_top(cli::Invocation& call) {
  const bool terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  if (!call.on("--once") && !call.out.json() && !terminal)
    return fail(ErrorCode::usage, "this is no terminal: use --once for one look, or --json for a line every two seconds");
  const SystemClock clock;
  SHOAL_TRY(const auto session, member::MemberSession::open(call.get("--state"), clock, member::MemberSession::Use::shared));
  const auto tracker = session->client(call.shutdown.token());
  SHOAL_CHECK(member::follow_trust_roots(*session, *tracker));
  Watcher watcher(*tracker, clock);
  SHOAL_CHECK(watcher.look());
  if (call.on("--once")) print(*watcher.picture(), call.out);
  if (call.on("--once")) return {};
  if (call.out.json()) return print_lines(call, watcher);
  watcher.start();
  return show(call, watcher);
}

}  // namespace

std::vector<cli::Command> commands() {
  return {{.path = "top",
           .summary = "show the fleet at work, live, in the terminal",
           .details =
               "Releases on their way and every machine, refreshed every two seconds. Any member of the fleet can run it, and the user of\n"
               "the tracker on the tracker's host.\n\n"
               "COPIES is how often the source has sent the whole release, SEEN the age of a machine's last report.\n\n"
               "Keys: q quits, s sorts by state, name, progress or rate, arrows, page up, page down, home and end scroll.\n\n"
               "  shoal top\n"
               "  shoal top --once --json",
           .positionals = {},
           .options = {cli::state_option, {.name = "--once", .help = "print all machines once and exit", .flag_only = true}},
           .run = run_top,
           .topic = cli::topic_look,
           .also = {"htop", "watch nodes"},
           .failures = cli::member_failures()}};
}

}  // namespace shoal::top
