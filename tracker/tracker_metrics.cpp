#include "tracker/tracker_metrics.hpp"

namespace shoal::tracker {
namespace {

template <class Number>
metrics::Sample labelled(const char* label, const char* value, Number number) {
  return {{{label, value}}, static_cast<double>(number)};
}

void describe_announces(metrics::Page& page, const AnnounceMeter& meter) {
  page.counter("shoal_announces_total", "Announces, by result.",
               {labelled("result", "answered", meter.answered.load()), labelled("result", "refused", meter.refused.load())});
  page.histogram("shoal_announce_duration_seconds", "Time to answer an announce.", meter.latency.read());
  page.counter("shoal_scrapes_total", "Scrapes answered.", static_cast<double>(meter.scrapes.load()));
}

void describe_connections(metrics::Page& page, const http::ServerCounters& server) {
  page.gauge("shoal_connections", "Open connections to the tracker.", static_cast<double>(server.open));
  page.counter("shoal_connections_accepted_total", "Connections accepted.", static_cast<double>(server.accepted));
  page.counter("shoal_handshakes_refused_total", "Connections refused, by reason.",
               {labelled("reason", "tls", server.handshake_failed), labelled("reason", "certificate", server.refused_certificate),
                labelled("reason", "too_many", server.over_cap)});
}

}  // namespace

void describe_tracker(metrics::Page& page, const TrackerFacts& facts) {
  describe_announces(page, facts.meter);
  describe_connections(page, facts.server);
  page.gauge("shoal_swarms", "Swarms that have peers.", static_cast<double>(facts.peers.swarms));
  page.gauge("shoal_peers", "Peers over all swarms, by whether they are complete.",
             {labelled("state", "complete", facts.peers.complete), labelled("state", "incomplete", facts.peers.incomplete)});
  page.gauge("shoal_releases", "Releases in the registry, by state.",
             {labelled("state", "registered", facts.catalog.registered), labelled("state", "withdrawn", facts.catalog.withdrawn)});
  page.gauge("shoal_channels", "Channels in the registry.", static_cast<double>(facts.catalog.channels));
  page.gauge(
      "shoal_channels_ending", "Channels whose pointers expire within 30 days, and channels whose pointers have expired.",
      {labelled("state", "soon", facts.pointers.soon - facts.pointers.expired), labelled("state", "expired", facts.pointers.expired)});
  page.gauge("shoal_channels_halted", "Channels whose rollout was halted because too many nodes failed with the release.",
             static_cast<double>(facts.pointers.halted));
  if (facts.pointers.soonest)
    page.gauge("shoal_pointer_seconds_left", "Seconds until the first channel pointer expires that this machine follows, renews or holds.",
               static_cast<double>((*facts.pointers.soonest - facts.now).count()));
  page.gauge("shoal_trust_root_seconds_left", "Seconds until the trust root expires that this machine knows.",
             static_cast<double>((facts.trust_root_until - facts.now).count()));
}

}  // namespace shoal::tracker
