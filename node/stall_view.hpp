// How a fetch of which nothing arrives is shown, and when that is news. Pure.
#pragma once

#include <optional>
#include <string>

#include "base/json.hpp"
#include "fanout/stall.hpp"

namespace shoal::node {

/// "waiting: no peers (the tracker names none)", "stalled for 2m5s: ..."; empty while something arrives.
std::string stall_text(const fanout::Stall& stall);
/// The same from what stall_json made.
std::string stall_text(const Json& stall);
/// {"reason", "stalled", "seconds", "text"}; null while something arrives.
Json stall_json(const fanout::Stall& stall);

/// Watches one fetch for a stall that begins, changes its reason or ends. One thread at a time.
class StallNews {
 public:
  struct News {
    bool stalled = false;  // else it goes on
    std::string reason;    // of the stall; of the one that ended
    Json line;             // {"type": "stalled" or "resumed", ...}, for --json
    std::string text;      // for people
  };
  /// What there is to tell since the last call.
  std::optional<News> next(const fanout::Stall& stall);

 private:
  fanout::StallReason told_ = fanout::StallReason::none;
  std::chrono::seconds longest_{0};
};

}  // namespace shoal::node
