#include "base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/guarded.hpp"
#include "base/line_allowance.hpp"
#include "base/log_aliases.hpp"

namespace shoal::log {
namespace {

constexpr std::size_t value_limit = 256;

/// What setup() decides. A log is the one thing that every room may write to without being handed it.
struct Sink {
  Sink() {
    logger->set_level(spdlog::level::warn);
    logger->set_pattern(journal ? "%v" : "%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  }
  std::shared_ptr<spdlog::logger> logger = std::make_shared<spdlog::logger>("shoal", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  bool json = false;
  bool journal = to_journal();
  Guarded<LineAllowance> allowance;
};

Sink& sink() {
  static Sink instance;
  return instance;
}

std::string escaped(std::string_view value) {
  bool plain = !value.empty();
  std::string out;
  for (unsigned char c : value.substr(0, value_limit)) {
    bool printable = c >= 0x20 && c != 0x7f;
    if (!printable || c == ' ' || c == '"' || c == '=') plain = false;
    if (c == '"' || c == '\\') out += '\\';
    out += printable ? static_cast<char>(c) : '?';
  }
  return plain ? out : '"' + out + '"';
}

std::string text_line(std::string_view event, std::span<const Field> fields) {
  std::string line(event);
  for (const Field& field : fields) line.append(" ").append(field.key).append("=").append(escaped(field.value));
  return line;
}

std::string json_line(spdlog::level::level_enum level, std::string_view event, std::span<const Field> fields) {
  nlohmann::json line{{"type", "log"}, {"level", std::string(spdlog::level::to_string_view(level).data())}, {"event", event}};
  const Alias* alias = alias_of(event);
  for (const Field& field : fields) {
    line[std::string(field.key)] = field.value.substr(0, value_limit);
    if (alias != nullptr && alias->old_event.empty()) line[std::string(alias->old_key(field.key))] = field.value.substr(0, value_limit);
  }
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// The line under the event's former name and keys, with `alias_of` naming the event; empty where the event has no other name.
std::string old_json_line(spdlog::level::level_enum level, std::string_view event, std::span<const Field> fields) {
  const Alias* alias = alias_of(event);
  if (alias == nullptr || alias->old_event.empty()) return "";
  std::vector<Field> old{Field("alias_of", event)};
  for (const Field& field : fields) old.emplace_back(alias->old_key(field.key), field.value);
  return "\n" + json_line(level, alias->old_event, old);
}

spdlog::level::level_enum level_of(Level level) {
  static constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err,
                                                         spdlog::level::off};
  return levels[static_cast<int>(level)];
}

int priority_of(spdlog::level::level_enum level) {
  return level == spdlog::level::err ? 3 : level == spdlog::level::warn ? 4 : level == spdlog::level::info ? 6 : 7;
}

void write(spdlog::level::level_enum level, std::string_view event, std::span<const Field> fields) {
  Sink& out = sink();
  if (!out.logger->should_log(level)) return;
  std::string line = out.json ? json_line(level, event, fields) + old_json_line(level, event, fields) : text_line(event, fields);
  if (out.journal) line = with_priority(priority_of(level), line);
  out.logger->log(level, "{}", line);
}

}  // namespace

Result<Level> parse_level(std::string_view text) {
  if (text == "debug") return Level::debug;
  if (text == "info") return Level::info;
  if (text == "warn") return Level::warn;
  if (text == "error") return Level::error;
  if (text == "off") return Level::off;
  return fail(ErrorCode::usage, "'" + std::string(text) + "' is not a log level: use debug, info, warn, error or off");
}

bool to_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat found {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &found) != 0) return false;
  return stream == std::to_string(found.st_dev) + ":" + std::to_string(found.st_ino);
}

std::string with_priority(int priority, std::string_view text) {
  const std::string prefix = "<" + std::to_string(priority) + ">";
  std::string lines = prefix;
  for (std::size_t i = 0; i < text.size(); ++i) {
    lines += text[i];
    if (text[i] == '\n' && i + 1 < text.size()) lines += prefix;
  }
  return lines;
}

void set_level(Level level) { sink().logger->set_level(level_of(level)); }

bool writes(Level level) { return sink().logger->should_log(level_of(level)); }

void setup(Level level, bool json) {
  set_level(level);
  sink().logger->flush_on(spdlog::level::debug);
  sink().json = json;
  if (json) sink().logger->set_pattern("%v");
}

void debug(std::string_view event, Fields fields) { write(spdlog::level::debug, event, {fields.begin(), fields.size()}); }
void info(std::string_view event, Fields fields) { write(spdlog::level::info, event, {fields.begin(), fields.size()}); }
void warn(std::string_view event, Fields fields) { write(spdlog::level::warn, event, {fields.begin(), fields.size()}); }
void error(std::string_view event, Fields fields) { write(spdlog::level::err, event, {fields.begin(), fields.size()}); }

void debug_of(std::string_view party, std::string_view event, std::span<const Field> fields) {
  if (!writes(Level::debug)) return;
  const std::string subject = std::string(event) + ' ' + std::string(party);
  const auto omitted = sink().allowance.lock()->take(subject, std::chrono::steady_clock::now());
  if (!omitted) return;
  std::vector<Field> all(fields.begin(), fields.end());
  if (*omitted > 0) all.emplace_back("omitted", *omitted);
  write(spdlog::level::debug, event, all);
}

}  // namespace shoal::log
