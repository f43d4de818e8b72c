// What the tracker has to say to Prometheus. Pure.
#pragma once

#include "http/server.hpp"
#include "metrics/page.hpp"
#include "tracker/announce_meter.hpp"
#include "tracker/catalog.hpp"
#include "tracker/peer_store.hpp"

namespace shoal::tracker {

struct TrackerFacts {
  const AnnounceMeter& meter;
  PeerStore::Totals peers;
  http::ServerCounters server;
  Catalog::Counts catalog;
  FreshnessDesk::Ends pointers;
  WallTime trust_root_until;
  WallTime now;
};

void describe_tracker(metrics::Page& page, const TrackerFacts& facts);

}  // namespace shoal::tracker
