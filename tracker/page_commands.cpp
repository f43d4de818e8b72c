// `shoal page`: a one-time link to the page, for whoever may write the tracker's state.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "tracker/command_parts.hpp"
#include "tracker/page/links.hpp"
#include "tracker/state.hpp"

namespace shoal::tracker {
namespace {

bool has_desktop() {
  return ::isatty(STDOUT_FILENO) == 1 && (std::getenv("DISPLAY") != nullptr || std::getenv("WAYLAND_DISPLAY") != nullptr);
}

/// Leaves the link to the desktop's browser, which outlives this command. That it cannot be opened is no failure: the link was printed.
void open_in_browser(const std::string& link) {
  std::string program = "xdg-open", address = link;
  char* arguments[] = {program.data(), address.data(), nullptr};
  pid_t process = 0;
  if (::posix_spawnp(&process, arguments[0], nullptr, nullptr, arguments, environ) == 0) ::waitpid(process, nullptr, 0);
}

Status run_page(cli::Invocation& call) {
  const fs::path state = call.get("--state");
  SHOAL_CHECK(load_tracker(state));
  SHOAL_TRY(std::string origin, page::read_origin(state));
  const WallTime now = SystemClock().now();
  SHOAL_TRY(std::string secret, page::make_link(state, now));
  // Behind '#': browsers send it to nobody, and no log has it.
  const std::string link = origin + "/#link=" + secret;
  call.out.result({{"type", "page"}, {"link", link}, {"expires", format_time(now + page::link_life)}}, link);
  if (!call.out.json() && !call.on("--no-open") && has_desktop()) open_in_browser(link);
  return {};
}

}  // namespace

cli::Command page_command() {
  return {.path = "page",
          .summary = "open the page that shows the fleet",
          .details =
              "Prints a link to the page of the tracker on this host, and opens it where there is a desktop. The link works once and for "
              "five minutes; the session that it begins lasts twelve hours. From another machine, forward the port first:\n\n"
              "  shoal tracker run --page 127.0.0.1:7480\n"
              "  ssh -L 7480:127.0.0.1:7480 tracker.example shoal page --no-open",
          .positionals = {},
          .options = {state_option, {.name = "--no-open", .help = "only print the link", .flag_only = true}},
          .run = run_page,
          .topic = cli::topic_look,
          .also = {"dashboard", "ui", "web", "gui", "open"},
          .failures = {ErrorCode::not_found, ErrorCode::not_enrolled, ErrorCode::no_space}};
}

}  // namespace shoal::tracker
