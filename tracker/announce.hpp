// What an announce and a scrape mean. Knows no HTTP.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "tracker/peer_store.hpp"
#include "tracker/query.hpp"
#include "tracker/random.hpp"

namespace shoal::tracker {

/// Who announces, as the connection proves it.
struct Caller {
  NodeId machine;       // of the certificate; empty on the plain test listener
  bool source = false;  // the certificate's role is seeder
  std::string site;
  std::string address;  // textual IP of the socket
};

struct AnnouncePeer {
  std::string peer_id;
  Endpoint endpoint;
};

struct AnnounceAnswer {
  std::chrono::seconds interval{0};  // with jitter of a tenth, so that a fleet does not announce in step
  std::chrono::seconds min_interval{0};
  SwarmCounts counts;
  std::vector<AnnouncePeer> peers;
  std::string external_ip;           // 4 or 16 bytes (BEP 24)
  std::string tracker_id;            // what the client sent
  std::vector<NodeId> revoked = {};  // see AnnounceReply
};

using ScrapeAnswer = std::map<InfoHash, SwarmCounts>;

/// Thread-safe.
class Announcer {
 public:
  struct Options {
    std::chrono::seconds interval{30};
    /// Whether a release has this info-hash: what nobody published has no swarm.
    std::function<bool(const InfoHash&)> registered;
    Random random;
    /// Why a torrent that is not registered was withdrawn; empty, or no function, where it was not.
    std::function<std::string(const InfoHash&)> withdrawn = {};
    /// Whom the peers must refuse though their certificates have not ended. No function: nobody.
    std::function<std::vector<NodeId>()> revoked = {};
  };

  Announcer(PeerStore& peers, const Clock& clock, Options options) : peers_(peers), clock_(clock), options_(std::move(options)) {}

  /// Refuses unregistered torrents, and peer ids of Shoal's form that name another machine than the certificate.
  Result<AnnounceAnswer> announce(const AnnounceQuery& query, const Caller& caller);
  /// Leaves unregistered torrents out.
  ScrapeAnswer scrape(const std::vector<InfoHash>& hashes);
  SwarmCounts counts(const InfoHash& info_hash);
  /// Forgets peers that missed two announces. Announces do this for their own swarm.
  void sweep();

 private:
  Error unregistered(const InfoHash& info_hash) const;
  Result<Peer> peer_of(const AnnounceQuery& query, const Caller& caller) const;
  SteadyTime deadline() const;
  std::chrono::seconds jittered_interval() const;

  PeerStore& peers_;
  const Clock& clock_;
  Options options_;
};

}  // namespace shoal::tracker
