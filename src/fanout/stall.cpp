#include "fanout/stall.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/encoding.hpp"
#include "base/wording.hpp"

namespace shoal::fanout {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds between_looks{1000};
constexpr milliseconds longest_pause{300'000};
constexpr ByteCount block = 16 * KiB;
constexpr std::size_t longest_problem = 140;

struct Names {
  std::string_view name, words;
};
constexpr std::array<Names, stall_reasons> all_names{{
    {"none", "something arrives"},
    {"checking", "files on this disk are checked"},
    {"disk", "the disk"},
    {"tracker", "no peers, and no answer from the tracker"},
    {"no_peers", "no peers"},
    {"unreachable", "the peers cannot be reached"},
    {"no_pieces", "no peer has what is missing"},
    {"not_granted", "the source grants nothing"},
    {"refused", "the peers refuse"},
    {"throttled", "the download limit"},
    {"silent", "the peers send nothing"},
    {"not_asked", "no requests to peers"},
}};

StallReason without_peers(const StallFacts& facts) {
  if (!facts.tracker_problem.empty() || !facts.tracker_answered) return StallReason::tracker;
  return facts.named == 0 ? StallReason::no_peers : StallReason::unreachable;
}

/// Whether the download limit lets through less than two blocks for each requested peer in the time without data. Two, because the limit
/// also slows down messages and handshakes.
bool is_throttled(const StallFacts& facts) {
  if (facts.download_limit == 0 || facts.connected + facts.greeting == 0) return false;
  const auto allowed = static_cast<double>(facts.download_limit) * std::chrono::duration<double>(facts.quiet).count();
  return allowed < 2.0 * static_cast<double>(block) * std::max(facts.asked, 1U);
}

StallReason with_useful_peers(const StallFacts& facts) {
  if (facts.asked > 0) return StallReason::silent;
  return facts.choking == facts.useful || facts.rejected > 0 ? StallReason::refused : StallReason::not_asked;
}

std::string named(const StallFacts& facts) {
  const std::string text = "the tracker names " + std::to_string(facts.named);
  if (facts.named_at.empty()) return text;
  return text + (facts.named == 1 ? ", at " : ", one of them at ") + printable(facts.named_at, longest_problem);
}

std::string detail_of(StallReason reason, const StallFacts& facts) {
  switch (reason) {
    case StallReason::disk:
      return facts.disk_problem.empty() ? "blocks that arrived wait to be written" : printable(facts.disk_problem, longest_problem);
    case StallReason::tracker:
      return facts.tracker_problem.empty() ? "it has not answered yet" : printable(facts.tracker_problem, longest_problem);
    case StallReason::no_peers: return "the tracker names none";
    case StallReason::unreachable: return named(facts);
    case StallReason::no_pieces: return counted(facts.connected, "peer") + " connected";
    case StallReason::not_granted: return counted(facts.sources, "source") + " connected";
    case StallReason::refused: return counted(facts.choking, "peer") + " choking, " + counted(facts.rejected, "request") + " rejected";
    case StallReason::throttled: return format_bytes(facts.download_limit) + "/s";
    case StallReason::silent: return counted(facts.asked, "peer") + " asked";
    case StallReason::not_asked: return counted(facts.useful, "peer") + " with something that is missing";
    case StallReason::checking:
    case StallReason::none: break;
  }
  return "";
}

}  // namespace

std::string_view name(StallReason reason) { return all_names.at(static_cast<std::size_t>(reason)).name; }
std::string_view words(StallReason reason) { return all_names.at(static_cast<std::size_t>(reason)).words; }

StallReason reason_of(const StallFacts& facts) {
  if (!facts.disk_problem.empty()) return StallReason::disk;
  if (facts.checking) return StallReason::checking;
  if (facts.disk_busy) return StallReason::disk;
  if (is_throttled(facts)) return StallReason::throttled;
  if (facts.connected == 0) return without_peers(facts);
  if (facts.useful > 0) return with_useful_peers(facts);
  if (facts.rejected > 0) return StallReason::refused;
  return facts.sources > 0 ? StallReason::not_granted : StallReason::no_pieces;
}

std::string text_of(StallReason reason, const StallFacts& facts) {
  const std::string detail = detail_of(reason, facts);
  return std::string(words(reason)) + (detail.empty() ? "" : " (" + detail + ")");
}

std::vector<Remedy> remedies_for(StallReason reason, bool again) {
  using R = Remedy;
  switch (reason) {
    case StallReason::disk: return {R::resume};
    case StallReason::tracker:
    case StallReason::unreachable: return {R::announce, R::redial, R::mirrors};
    case StallReason::no_peers: return {R::announce, R::mirrors};
    case StallReason::no_pieces:
      return again ? std::vector{R::announce, R::redial, R::renew_links, R::mirrors} : std::vector{R::announce, R::redial, R::mirrors};
    case StallReason::not_granted:
    case StallReason::refused:
    case StallReason::silent:
    case StallReason::not_asked: return {R::announce, R::redial, R::renew_links, R::mirrors};
    case StallReason::throttled:
    case StallReason::checking:
    case StallReason::none: break;
  }
  return {};
}

Stall StallJudge::moved(SteadyTime now) {
  moved_ = now;
  tries_ = 0;
  return std::exchange(stall_, {});
}

bool StallJudge::wants_look(SteadyTime now) const { return quiet(now) >= times_.waits_after && now - looked_ >= between_looks; }

const Stall& StallJudge::look(const StallFacts& facts, SteadyTime now) {
  looked_ = now;
  stall_.reason = reason_of(facts);
  stall_.text = text_of(stall_.reason, facts);
  stall_.quiet = std::chrono::duration_cast<std::chrono::seconds>(now - moved_);
  stall_.stalled = quiet(now) >= times_.stalls_after;
  return stall_;
}

milliseconds StallJudge::pause() const {
  const milliseconds first = times_.stalls_after / 4;
  return std::min(std::max(first, longest_pause), first * (1U << std::min(tries_ > 0 ? tries_ - 1 : 0, 16U)));
}

std::vector<Remedy> StallJudge::due(SteadyTime now) {
  if (stall_.reason == StallReason::none) return {};
  const SteadyTime since = tries_ == 0 ? moved_ : tried_;
  if (now - since < pause()) return {};
  tried_ = now;
  return remedies_for(stall_.reason, tries_++ > 0);
}

}  // namespace shoal::fanout
