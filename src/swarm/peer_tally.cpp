#include "swarm/peer_tally.hpp"

#include <algorithm>
#include <utility>

namespace shoal::swarm {
namespace {

struct Name {
  std::string_view count, pieces;
};

// By kind, then by way: fields keep views of their keys.
constexpr std::array<Name, PeerTally::kinds * PeerTally::ways> names{{
    {"requests_sent", "requests_sent_pieces"},
    {"requests_received", "requests_received_pieces"},
    {"blocks_sent", "blocks_sent_pieces"},
    {"blocks_received", "blocks_received_pieces"},
    {"rejects_sent", "rejects_sent_pieces"},
    {"rejects_received", "rejects_received_pieces"},
    {"cancels_sent", "cancels_sent_pieces"},
    {"cancels_received", "cancels_received_pieces"},
    {"haves_sent", "haves_sent_pieces"},
    {"haves_received", "haves_received_pieces"},
    {"chokes_sent", ""},
    {"chokes_received", ""},
    {"unchokes_sent", ""},
    {"unchokes_received", ""},
    {"grants_sent", "grants_sent_pieces"},
    {"grants_received", "grants_received_pieces"},
    {"asked_to_show", "asked_to_show_pieces"},
    {"was_asked_to_show", "was_asked_to_show_pieces"},
}};

std::string joined(const std::vector<std::uint32_t>& pieces) {
  std::string text;
  for (std::uint32_t piece : pieces) text.append(text.empty() ? "" : ",").append(std::to_string(piece));
  return text;
}

}  // namespace

void PeerTally::add(Kind kind, Way way, std::uint32_t piece) {
  Count& one = at(kind, way);
  ++one.count;
  if (one.pieces.size() == most_named || std::find(one.pieces.begin(), one.pieces.end(), piece) != one.pieces.end()) return;
  one.pieces.push_back(piece);
}

std::vector<log::Field> PeerTally::take(Kind first, Kind last) {
  std::vector<log::Field> fields;
  for (std::size_t i = static_cast<std::size_t>(first) * ways; i < (static_cast<std::size_t>(last) + 1) * ways; ++i) {
    const Count one = std::exchange(counts_.at(i), {});
    if (one.count == 0) continue;
    fields.emplace_back(names.at(i).count, one.count);
    if (!one.pieces.empty()) fields.emplace_back(names.at(i).pieces, joined(one.pieces));
  }
  return fields;
}

}  // namespace shoal::swarm
