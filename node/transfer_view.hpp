// How well a fetch goes: against the best that this machine saw of its own link, and which link is the slowest. Pure but for its memory.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "mesh/mesh.hpp"
#include "swarm/swarm.hpp"

namespace shoal::node {

/// One that brought something in the last seconds.
struct ActiveLink {
  NodeId peer;
  bool source = false;  // a seeder
  ByteCount rate = 0;   // bytes per second, received
  std::optional<std::chrono::microseconds> round_trip = {};
};

struct TransferFacts {
  ByteCount rate = 0;  // payload, bytes per second, over the last seconds
  /// Bytes per second of the fastest seconds of this fetch: what its link can surely carry. Nobody can know more from inside.
  ByteCount ideal_rate = 0;
  /// Of the time since the first byte, how much an unbroken transfer at the ideal rate would have needed. 0 before the first byte.
  unsigned percent_of_ideal = 0;
  std::optional<std::chrono::seconds> left;  // none where nothing arrives
  std::vector<ActiveLink> links = {};        // the fastest first, a few
  std::optional<ActiveLink> slowest;         // of those that brought something in the last seconds; none where there is only one
};

/// Fed several times a second while one content is fetched. One thread at a time.
class TransferView {
 public:
  /// `links` may be of any contents; those of `content` count.
  TransferFacts see(const InfoHash& content, const swarm::Progress& progress, const std::vector<mesh::LinkCounters>& links, SteadyTime now);

 private:
  struct Sender {
    bool source = false;
    ByteCount received = 0;  // so far
    std::optional<std::chrono::microseconds> round_trip = {};
  };
  struct Sample {
    SteadyTime at;
    ByteCount arrived = 0;  // from source and peers
    std::map<NodeId, Sender> links;
  };
  void forget_old(SteadyTime now);
  std::vector<ActiveLink> busy(double seconds) const;

  std::deque<Sample> samples_;  // of the last seconds, and one before them
  std::optional<SteadyTime> first_byte_;
  ByteCount ideal_rate_ = 0;
};

/// "92% of the ideal rate, 12 MB from the source, 40 MB from peers, slowest link 1.1 MB/s from node 3f2a91c0".
std::string transfer_text(const TransferFacts& facts, const swarm::Progress& progress);
/// Members ideal_rate, percent_of_ideal, seconds_left (or null), slowest_link (or null: {peer, source, rate}).
Json transfer_json(const TransferFacts& facts);

}  // namespace shoal::node
