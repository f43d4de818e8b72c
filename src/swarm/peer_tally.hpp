// What passed between this machine and one peer since the last line about it: counts, and the first pieces. Pure; one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/log.hpp"

namespace shoal::swarm {

class PeerTally {
 public:
  enum class Kind { request, block, reject, cancel, have, choke, unchoke, grant, show };
  enum class Way { sent, received };
  static constexpr std::size_t kinds = 9, ways = 2;
  /// Of so many pieces a line names the first ones.
  static constexpr std::size_t most_named = 8;

  void add(Kind kind, Way way) { ++at(kind, way).count; }
  void add(Kind kind, Way way, std::uint32_t piece);

  /// "requests_sent=12 requests_sent_pieces=3,4" and so on of what was counted, and forgets it. Empty when there was nothing.
  std::vector<log::Field> take_traffic() { return take(Kind::request, Kind::unchoke); }
  std::vector<log::Field> take_grants() { return take(Kind::grant, Kind::show); }

 private:
  struct Count {
    std::uint64_t count = 0;
    std::vector<std::uint32_t> pieces = {};  // the first, each once
  };
  Count& at(Kind kind, Way way) { return counts_.at(static_cast<std::size_t>(kind) * ways + static_cast<std::size_t>(way)); }
  std::vector<log::Field> take(Kind first, Kind last);

  std::array<Count, kinds * ways> counts_;
};

}  // namespace shoal::swarm
