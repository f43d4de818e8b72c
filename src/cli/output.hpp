// Results on stdout, messages and progress on stderr; with --json every line of stdout is an object with a "type".
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"
#include "base/units.hpp"

namespace shoal::cli {

/// One moment of something long.
struct Moment {
  std::string what;      // "fetching acme/model@1.0"
  ByteCount done = 0;
  ByteCount total = 0;
  ByteCount rate = 0;    // bytes per second
  std::string detail;    // "4 peers, 12 MB from the source"
  Json extra = Json::object();  // more members for --json
};

/// Thread-safe.
class Output {
 public:
  struct Options {
    bool json = false;
    bool quiet = false;
    bool terminal = false;  // stderr is one
  };
  explicit Output(Options options) : options_(options) {}

  /// The result of a command: `text` for people, `value` (with "type") for --json.
  void result(const Json& value, std::string_view text);
  /// A remark for people on stderr; nothing with --quiet or --json.
  void message(std::string_view text);
  /// A bar on a terminal, a line every five seconds elsewhere, {"type":"progress"} every second with --json.
  void progress(const Moment& moment);
  /// Ends the bar's line.
  void progress_done();
  void error(const Error& error);
  bool json() const { return options_.json; }

 private:
  void clear_bar();
  Options options_;
  bool bar_shown_ = false;
  std::chrono::steady_clock::time_point last_progress_{};
  std::mutex mutex_;
};

}  // namespace shoal::cli
