#include "swarm/engine_metrics.hpp"

namespace shoal::swarm {
namespace {

using metrics::Sample;

Sample moved(const char* direction, const char* peer, ByteCount bytes) {
  return {{{"direction", direction}, {"peer", peer}}, static_cast<double>(bytes)};
}

template <class Number>
Sample labelled(const char* label, const char* value, Number number) {
  return {{{label, value}}, static_cast<double>(number)};
}

void describe_content(metrics::Page& page, const Totals& totals) {
  page.counter("shoal_payload_bytes_total", "Bytes of checkpoint data sent and received, by kind of peer.",
               {moved("received", "source", totals.from_source), moved("received", "node", totals.from_peers),
                moved("received", "mirror", totals.from_mirrors), moved("sent", "source", totals.to_sources),
                moved("sent", "node", totals.to_peers)});
  page.counter("shoal_pieces_total", "Pieces hashed after they arrived or were found on disk, by result.",
               {labelled("result", "verified", totals.store.verified), labelled("result", "failed", totals.store.failed)});
  page.counter("shoal_cache_requests_total", "Blocks that peers requested, by whether the cache had them.",
               {labelled("result", "hit", totals.store.cache_hits), labelled("result", "miss", totals.store.cache_misses)});
  page.counter("shoal_source_read_bytes_total", "Bytes read from files in order to send them; on a seeder, from the source.",
               static_cast<double>(totals.store.read));
  page.counter("shoal_written_bytes_total", "Bytes of verified pieces written to disk.", static_cast<double>(totals.store.written));
  page.counter("shoal_lies_total", "Proofs that a machine sent wrong bytes.", static_cast<double>(totals.lies));
  page.gauge("shoal_banned_machines", "Machines banned now because they sent wrong bytes.", static_cast<double>(totals.banned));
  page.gauge("shoal_contents", "Contents being served or fetched.", static_cast<double>(totals.contents));
  std::vector<Sample> stalled;
  for (std::size_t i = 1; i < totals.stalled.size(); ++i)
    stalled.push_back({{{"reason", std::string(name(static_cast<fanout::StallReason>(i)))}}, static_cast<double>(totals.stalled[i])});
  page.gauge("shoal_fetches_stalled", "Fetches without data for --stall-after, by reason.", stalled);
}

void describe_links(metrics::Page& page, const mesh::Mesh& mesh) {
  ByteCount received[2]{}, sent[2]{};
  double open[2]{};
  for (const auto& [role, totals] : mesh.link_totals()) {
    const int kind = role == identity::Role::seeder ? 0 : 1;
    received[kind] += totals.received;
    sent[kind] += totals.sent;
    open[kind] += totals.links;
  }
  page.counter("shoal_link_bytes_total", "Bytes inside the links' TLS, protocol messages included, by kind of peer.",
               {moved("received", "source", received[0]), moved("received", "node", received[1]), moved("sent", "source", sent[0]),
                moved("sent", "node", sent[1])});
  page.gauge("shoal_links", "Open links, by kind of peer.", {labelled("peer", "source", open[0]), labelled("peer", "node", open[1])});
}

void describe_refusals(metrics::Page& page, const mesh::MeshCounters& mesh) {
  page.counter("shoal_links_opened_total", "Links established, by which side dialled.",
               {labelled("by", "peer", mesh.accepted), labelled("by", "self", mesh.dialled)});
  page.counter("shoal_handshakes_refused_total", "Connections that did not become a link, by reason.",
               {labelled("reason", "tls", mesh.handshake_failed), labelled("reason", "timeout", mesh.handshake_timed_out),
                labelled("reason", "certificate", mesh.refused_certificate), labelled("reason", "policy", mesh.refused_by_policy),
                labelled("reason", "wrong_peer", mesh.wrong_peer), labelled("reason", "content", mesh.refused_stream),
                labelled("reason", "too_many", mesh.over_cap), labelled("reason", "front", mesh.socks_refused)});
  page.counter("shoal_links_cut_total", "Links closed because the peer is no longer authorised.", static_cast<double>(mesh.cut));
}

}  // namespace

void describe_engine(metrics::Page& page, const mesh::Mesh& mesh, const Swarm& swarm) {
  describe_content(page, swarm.totals());
  describe_links(page, mesh);
  describe_refusals(page, mesh.counters());
}

}  // namespace shoal::swarm
