// Logs: an event name and key=value fields, to stderr. The only door to spdlog.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.hpp"

namespace shoal::log {

enum class Level { debug, info, warn, error, off };

Result<Level> parse_level(std::string_view text);

/// Sets the level and the form of the lines. Called once, before threads start.
void setup(Level level, bool json);
/// Thread-safe.
void set_level(Level level);
/// Whether lines of this level are written: to spare the work of gathering their fields. Thread-safe.
bool writes(Level level);

/// Whether stderr is the journal ($JOURNAL_STREAM names it): lines then begin with the syslog priority, "<4>", and have no time, which the
/// journal notes itself.
bool to_journal();
/// "<3>" before each line of the text, for the journal.
std::string with_priority(int priority, std::string_view text);

/// One key=value of a line. Secrets are never passed here.
struct Field {
  std::string_view key;
  std::string value;

  Field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  template <class Number>
    requires std::is_arithmetic_v<Number> Field(std::string_view k, Number v) : key(k), value(std::to_string(v)) {}
};

using Fields = std::initializer_list<Field>;

// Thread-safe. What a remote party can cause without limit is logged at debug; values are escaped and cut at 256 bytes.
void debug(std::string_view event, Fields fields = {});
void info(std::string_view event, Fields fields = {});
void warn(std::string_view event, Fields fields = {});
void error(std::string_view event, Fields fields = {});
/// A debug line that a remote party causes. Each party (a machine, an address) may cause fifty lines of an event at once and five a second;
/// the next line says as `omitted` how many were left out.
void debug_of(std::string_view party, std::string_view event, std::span<const Field> fields);
inline void debug_of(std::string_view party, std::string_view event, Fields fields) {
  debug_of(party, event, std::span(fields.begin(), fields.size()));
}

}  // namespace shoal::log
