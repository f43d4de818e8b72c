#include "base/log_aliases.hpp"

#include <algorithm>
#include <iterator>

namespace shoal::log {
namespace {

// Sorted by event. Each pair of keys is "new=old".
constexpr Alias aliases[] = {{"announce_failed", "", "info_hash=content reason=why"},
                             {"announce_warning", "", "info_hash=content"},
                             {"bad_piece_received", "peer sent a bad piece", "machine=peer"},
                             {"blocks_lost", "", "reason=why"},
                             {"cache_not_updated", "cache.not_shown", "reason=error"},
                             {"certificate_renewal_failed", "certificate.renewal_failed", "reason=error"},
                             {"certificate_renewed", "certificate.renewed", ""},
                             {"changed", "", "reason=what"},
                             {"channel_not_renewed", "channel.not_renewed", "reason=error"},
                             {"channel_renewed", "channel.renewed", ""},
                             {"directory_incomplete", "not complete", "reason=why"},
                             {"fetch_remedy", "fetch.remedy", "info_hash=content"},
                             {"fetch_resumed", "fetch.resumed", "info_hash=content reason=was"},
                             {"fetch_stalled", "fetch.stalled", "info_hash=content text=why"},
                             {"files_still_open", "", "info_hash=content"},
                             {"gc_failed", "gc.failed", "reason=error"},
                             {"hashes_not_saved", "hashes are not remembered", "reason=error"},
                             {"hook_unreadable", "hook.unreadable", "reason=error"},
                             {"http_accept_failed", "", "reason=error"},
                             {"http_accept_paused", "", "reason=error"},
                             {"http_certificate_refused", "", "reason=error"},
                             {"http_handler_failed", "", "reason=error"},
                             {"http_handshake_failed", "", "reason=error"},
                             {"http_no_tls_context", "", "reason=error"},
                             {"http_reply_lost", "", "reason=error"},
                             {"http_session_failed", "", "reason=error"},
                             {"http_thread_failed", "", "reason=error"},
                             {"journal_not_closed", "", "reason=why"},
                             {"journal_refused", "", "reason=why"},
                             {"link_accepted", "link.accepted", "machine=peer info_hash=content"},
                             {"link_dial_failed", "link.dial_failed", "machine=peer info_hash=content reason=why"},
                             {"link_dialling", "link.dialling", "machine=peer info_hash=content"},
                             {"link_down", "link.down", "machine=peer info_hash=content reason=why"},
                             {"link_dropped", "link.dropped", "machine=peer info_hash=content reason=why"},
                             {"link_refused", "link.refused", "machine=peer info_hash=content reason=why"},
                             {"link_up", "link.up", "machine=peer info_hash=content"},
                             {"link_waiting", "link.waiting", "machine=peer info_hash=content reason=why"},
                             {"machine_enrolled", "enrolled", ""},
                             {"machine_renewed", "renewed", ""},
                             {"machine_revoked", "revoked", ""},
                             {"mesh_accept_failed", "", "reason=error"},
                             {"mesh_cannot_watch_socket", "", "reason=error"},
                             {"mesh_control_failed", "", "reason=error"},
                             {"mesh_tls_not_ready", "", "reason=error"},
                             {"mirror_failed", "", "info_hash=content reason=error"},
                             {"mirror_turn_failed", "mirror_turn", "info_hash=content reason=why"},
                             {"not_published", "", "reason=what"},
                             {"peer_closed", "peer.closed", "machine=peer info_hash=content reason=why"},
                             {"peer_does_not_read", "", "machine=peer reason=why"},
                             {"peer_grants", "peer.grants", "machine=peer info_hash=content"},
                             {"peer_handshake", "peer.handshake", "machine=peer info_hash=content"},
                             {"peer_lied", "", "machine=peer info_hash=content"},
                             {"peer_pieces", "peer.pieces", "machine=peer info_hash=content"},
                             {"peer_traffic", "peer.traffic", "machine=peer info_hash=content"},
                             {"peers_not_dialled", "", "info_hash=content reason=why"},
                             {"piece_asked_alone", "", "info_hash=content machine=peer"},
                             {"piece_not_reused", "", "reason=why"},
                             {"pieces_lost", "", "reason=why"},
                             {"pointer_not_saved", "pointer.not_noted", "reason=error"},
                             {"read_retried", "", "reason=why"},
                             {"refusal_not_saved", "refusal.not_noted", "reason=error"},
                             {"release_not_served", "release.not_served", "reason=error"},
                             {"release_not_shared", "release.not_shared", "reason=why"},
                             {"release_published", "published", "version=release release=id"},
                             {"release_served", "serving", "version=title"},
                             {"release_withdrawn", "withdrawn", "version=release"},
                             {"reload_failed", "reload.failed", "reason=error"},
                             {"reload_needs_restart", "reload.needs_restart", ""},
                             {"report_failed", "report.failed", "reason=error"},
                             {"root_back", "", "reason=what"},
                             {"root_lost", "", "reason=what"},
                             {"root_scanned", "scanned", ""},
                             {"scrub_cannot_read", "", "reason=why"},
                             {"serving_failed", "", "info_hash=content reason=why"},
                             {"serving_retried", "serving failed, tried again later", "info_hash=content reason=error"},
                             {"shutdown_deadline_passed", "ended at the deadline", "reason=why"},
                             {"source_damaged", "source damaged", "info_hash=content reason=error"},
                             {"source_not_served", "not served", "reason=error"},
                             {"sources_unreadable", "sources unreadable", "reason=error"},
                             {"store_job_failed", "", "reason=why"},
                             {"store_trouble", "", "reason=why"},
                             {"subscriptions_unreadable", "subscriptions.unreadable", "reason=error"},
                             {"switch_back_failed", "switch_back.failed", "reason=error"},
                             {"sync_failed", "", "reason=why"},
                             {"thread_abandoned", "left behind", "reason=what"},
                             {"thread_failed", "thread ended", "reason=error"},
                             {"track_not_saved", "track.not_saved", "reason=error"},
                             {"track_unreadable", "track.unreadable", "reason=error"},
                             {"tracker_answered", "tracker.answered", "info_hash=content"},
                             {"trust_root_ends_soon", "trust_root.ends_soon", ""},
                             {"trust_root_rotated", "trust_root.rotated", ""},
                             {"trust_roots_not_followed", "trust roots not followed", "reason=error"},
                             {"watch_record_unreadable", "watch record unreadable", "reason=error"}};

}  // namespace

const Alias* alias_of(std::string_view event) {
  const auto* found = std::lower_bound(std::begin(aliases), std::end(aliases), event,
                                       [](const Alias& alias, std::string_view name) { return alias.event < name; });
  return found != std::end(aliases) && found->event == event ? found : nullptr;
}

std::string_view Alias::old_key(std::string_view key) const {
  for (std::string_view rest = keys; !rest.empty();) {
    const std::string_view pair = rest.substr(0, rest.find(' '));
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) == key) return pair.substr(equals + 1);
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
  }
  return key;
}

}  // namespace shoal::log
