#include "cli/output.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "base/log.hpp"
#include "base/shutdown.hpp"
#include "cli/progress.hpp"

namespace shoal::cli {
namespace {

constexpr std::chrono::milliseconds bar_interval{100};
constexpr std::chrono::seconds line_interval{5};
constexpr std::chrono::seconds json_interval{1};
constexpr std::chrono::seconds idle_after{5};  // without a byte, before a line says so
constexpr const char* clear_below = "\r\x1b[J";
constexpr const char* no_wrap = "\r\x1b[?7l\x1b[2K";
constexpr const char* wrap = "\x1b[J\r\x1b[?7h";
constexpr std::chrono::seconds tick_interval{1};
constexpr std::chrono::seconds trusted_after{5};  // the age of a phase whose own rate is shown

/// Columns of the terminal behind stderr; 80 where it does not say.
unsigned terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string json_text(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

// The events of a relay; cli/relay.cpp reads them.
Json relayed_result(const Json& value, std::string_view text) { return {{"result", value}, {"text", text}}; }
Json relayed_message(std::string_view text) { return {{"message", text}}; }
Json relayed_progress_done() { return {{"progress_done", true}}; }

Json relayed_progress(const Moment& moment) {
  return {{"progress",
           {{"what", moment.what},
            {"done", moment.done},
            {"total", moment.total},
            {"rate", moment.rate},
            {"detail", moment.detail},
            {"extra", moment.extra},
            {"waiting", moment.waiting},
            {"moved", moment.moved.value_or(moment.done)}}}};
}

bool put(std::FILE* file, std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), file) == text.size() && std::fflush(file) == 0;
}

}  // namespace

void Output::result(const Json& value, std::string_view text) {
  std::lock_guard lock(mutex_);
  if (options_.relay) return options_.relay(relayed_result(value, text));
  clear_bar();
  if (options_.json) write_result(json_text(value));
  else if (!text.empty()) write_result(text);
}

void Output::message(std::string_view text) {
  if (options_.quiet || options_.json) return;
  std::lock_guard lock(mutex_);
  if (options_.relay) return options_.relay(relayed_message(text));
  clear_bar();
  write_message(text);
}

void Output::progress(const Moment& moment) {
  std::lock_guard lock(mutex_);
  bool wanted = options_.json || (!options_.quiet && !options_.journal);  // a journal is for what happened
  if (!wanted) return;
  if (options_.relay) return due(moment) ? options_.relay(relayed_progress(moment)) : void();
  show(moment);
  if (options_.json || options_.clock != nullptr) return;
  unfinished_.reset();
  if (moment.done < moment.total) unfinished_ = moment;
  if (!ticker_.joinable()) ticker_ = std::jthread([this](const std::stop_token& stop) { tick(stop); });
}

void Output::show(const Moment& moment) {
  if (moment.what != last_what_) meter_ = {};
  meter_.add(now(), moment.moved.value_or(moment.done));
  if (!due(moment)) return;
  const Moment shown = measured(moment);
  if (options_.json) return write_result(json_text(progress_json(shown)));
  if (!options_.terminal) return write_message(progress_line(shown));
  draw(shown);
}

void Output::tick(const std::stop_token& stop) {
  while (sleep_for(tick_interval, stop)) {
    std::lock_guard lock(mutex_);
    if (unfinished_) show(*unfinished_);
  }
}

/// Measures a rate that the command does not know. For people, a rate of the first second is none, and the next ones are measured as well,
/// because the averages that commands have begin at zero. Where nothing has moved for a while, and no reason is given, it says so.
Moment Output::measured(Moment moment) const {
  if (moment.total == 0) return moment;
  if (moment.rate == 0 || (!options_.json && meter_.age() < trusted_after)) moment.rate = meter_.rate();
  if (moment.done < moment.total && moment.waiting.empty() && meter_.idle() >= idle_after)
    moment.waiting = "no data for " + std::to_string(std::chrono::floor<std::chrono::seconds>(meter_.idle()).count()) + "s";
  return moment;
}

/// The cursor stays in the first column: where a terminal that becomes narrower wraps the line, it moves up with it, and the next line
/// clears everything from there on. tmux forgets that a line was wrapped when the whole line is cleared. A terminal that has become
/// narrower, and has not said so yet, must not wrap the line that it gets now. The last column stays free: some wrap when it is written.
void Output::draw(const Moment& moment) {
  const unsigned width = options_.width > 0 ? options_.width : terminal_width();
  put(options_.messages, std::string(no_wrap) + progress_bar(moment, std::max(width, 2U) - 1, options_.color) + wrap);
  bar_shown_ = true;
}

void Output::progress_done() {
  std::lock_guard lock(mutex_);
  if (options_.relay) options_.relay(relayed_progress_done());
  if (bar_shown_) put(options_.messages, "\n");
  bar_shown_ = false;
  unfinished_.reset();
  last_what_.clear();
}

void Output::error(const Error& error) {
  std::lock_guard lock(mutex_);
  unfinished_.reset();
  clear_bar();
  if (!options_.json) return write_message("shoal: error: " + error.message, 3);
  write_result(
      json_text({{"type", "error"}, {"code", name(error.code)}, {"message", error.message}, {"exit_code", exit_code(error.code)}}));
}

bool Output::results_written() {
  std::lock_guard lock(mutex_);
  return !results_lost_;
}

void Output::clear_bar() {
  if (bar_shown_) put(options_.messages, clear_below);
  bar_shown_ = false;
}

void Output::write_result(std::string_view line) {
  bool whole = put(options_.results, line) && (line.ends_with('\n') || put(options_.results, "\n"));
  if (!whole) results_lost_ = true;
}

void Output::write_message(std::string_view line, int priority) {
  const std::string text = options_.journal ? log::with_priority(priority, line) : std::string(line);
  put(options_.messages, text + (text.ends_with('\n') ? "" : "\n"));
}

/// The first moment of each phase and its end are always shown; between them one per interval.
bool Output::due(const Moment& moment) {
  bool finished = moment.total > 0 && moment.done >= moment.total;
  auto interval = options_.json                         ? json_interval
                  : options_.terminal || options_.relay ? std::chrono::duration_cast<std::chrono::milliseconds>(bar_interval)
                                                        : line_interval;
  bool news = moment.what != last_what_ || (finished && !last_finished_);
  if (!news && now() - last_progress_ < interval) return false;
  last_what_ = moment.what;
  last_finished_ = finished;
  last_progress_ = now();
  return true;
}

SteadyTime Output::now() const { return options_.clock != nullptr ? options_.clock->steady_now() : std::chrono::steady_clock::now(); }

}  // namespace shoal::cli
