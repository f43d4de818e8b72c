// HTTP in front of the tracker's parts: routes, who may call them, how large their bodies may be.
#pragma once

#include <functional>
#include <vector>

#include "http/router.hpp"
#include "http/server.hpp"
#include "tracker/admission.hpp"
#include "tracker/announce.hpp"
#include "tracker/announce_meter.hpp"
#include "tracker/attempts.hpp"
#include "tracker/catalog.hpp"
#include "tracker/fair_queue.hpp"
#include "tracker/freshness.hpp"
#include "tracker/node_reports.hpp"
#include "tracker/trust_roots.hpp"

namespace shoal::tracker {

/// What the routes talk to. Everything outlives the servers.
struct Parts {
  Announcer& announcer;
  Admission& admission;
  Catalog& catalog;
  AttemptLimit& attempts;
  TrustRoots& roots;
  FreshnessDesk& freshness;
  NodeReports& reports;
  AnnounceMeter& meter;
  const Clock& clock;
  FleetName fleet;
  /// Runs work that may wait for the disk on threads of its own; announces stay on the server's.
  FairQueue& offload;
};

/// The whole tracker, for the listener with mutual TLS.
std::vector<http::Route> tracker_routes(const Parts& parts);
/// Announce and scrape for callers without a certificate, for the test listener on loopback.
std::vector<http::Route> plain_routes(const Parts& parts);

/// The largest body that a caller may send, decided before it is read.
ByteCount body_limit(const std::string& method, const std::string& path, const identity::Certificate* peer);

}  // namespace shoal::tracker
