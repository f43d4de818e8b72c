// Results on stdout, messages and progress on stderr; with --json every line of stdout is an object with a "type".
#pragma once

#include <chrono>
#include <cstdio>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "base/units.hpp"
#include "cli/rate_meter.hpp"

namespace shoal::cli {

/// One moment of something long.
struct Moment {
  std::string what;  // "fetching acme/model@1.0"
  ByteCount done = 0;
  ByteCount total = 0;
  ByteCount rate = 0;                   // bytes per second; 0: measured from `done`
  std::string detail = "";              // "4 peers, 12 MB from the source"
  Json extra = Json::object();          // more members for --json
  std::string waiting = {};             // why nothing moves: shown in place of rate, time left and detail
  std::optional<ByteCount> moved = {};  // for the rate, where `done` jumps: what was reused counts there, and whole pieces
};

/// Thread-safe.
class Output {
 public:
  struct Options {
    bool json = false;
    bool quiet = false;
    bool terminal = false;  // stderr is one
    bool color = false;     // the terminal may be sent colours
    bool journal = false;   // stderr is the journal: lines get a syslog priority
    // Seams for tests: where lines go, how time passes, how wide the terminal is (0: ask it).
    std::FILE* results = stdout;
    std::FILE* messages = stderr;
    const Clock* clock = nullptr;
    unsigned width = 0;
    /// Takes everything as data (cli/relay.hpp) instead of printing it. Called on the thread that prints; calls never overlap.
    std::function<void(const Json&)> relay = {};
  };
  explicit Output(Options options) : options_(std::move(options)) {}

  /// The result of a command: `text` for people, `value` (with "type") for --json.
  void result(const Json& value, std::string_view text);
  /// A remark for people on stderr; nothing with --quiet or --json.
  void message(std::string_view text);
  /// A bar on a terminal, a line every five seconds elsewhere, {"type":"progress"} every second with --json. A bar or line goes on to be
  /// shown, with the seconds since something moved, when no further moment comes.
  void progress(const Moment& moment);
  /// Ends the bar's line.
  void progress_done();
  void error(const Error& error);
  bool json() const { return options_.json; }
  /// False once something could not be written to stdout (a full disk, a closed pipe).
  bool results_written();

 private:
  void clear_bar();
  void write_result(std::string_view line);
  void write_message(std::string_view line, int priority = 6);
  bool due(const Moment& moment);
  Moment measured(Moment moment) const;
  void show(const Moment& moment);
  void draw(const Moment& moment);
  void tick(const std::stop_token& stop);
  SteadyTime now() const;
  Options options_;
  bool bar_shown_ = false;
  bool results_lost_ = false;
  std::string last_what_;
  RateMeter meter_;                   // of last_what_
  std::optional<Moment> unfinished_;  // shown again every second: what hangs calls nobody
  bool last_finished_ = false;
  std::chrono::steady_clock::time_point last_progress_{};
  std::mutex mutex_;
  std::jthread ticker_;  // from the first progress on; last, so that it ends first
};

}  // namespace shoal::cli
