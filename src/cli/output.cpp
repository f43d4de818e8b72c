#include "cli/output.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.hpp"
#include "cli/progress.hpp"

namespace shoal::cli {
namespace {

constexpr std::chrono::milliseconds bar_interval{100};
constexpr std::chrono::seconds line_interval{5};
constexpr std::chrono::seconds json_interval{1};

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
            {"waiting", moment.waiting}}}};
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
  if (!wanted || !due(moment)) return;
  if (options_.relay) return options_.relay(relayed_progress(moment));
  if (options_.json) return write_result(json_text(progress_json(moment)));
  if (!options_.terminal) return write_message(progress_line(moment));
  // The last column stays free: some terminals wrap when it is written.
  unsigned width = options_.width > 0 ? options_.width : terminal_width();
  put(options_.messages, "\r\x1b[K" + progress_bar(moment, width - 1, options_.color));
  bar_shown_ = true;
}

void Output::progress_done() {
  std::lock_guard lock(mutex_);
  if (options_.relay) options_.relay(relayed_progress_done());
  if (bar_shown_) put(options_.messages, "\n");
  bar_shown_ = false;
  last_what_.clear();
}

void Output::error(const Error& error) {
  std::lock_guard lock(mutex_);
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
  if (bar_shown_) put(options_.messages, "\r\x1b[K");
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
