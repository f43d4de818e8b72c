#include "swarm/session_settings.hpp"

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <libtorrent/ip_filter.hpp>
#include <libtorrent/session.hpp>

#include <algorithm>
#include <limits>
#include <thread>

namespace shoal::swarm {
namespace {

using pack = lt::settings_pack;

constexpr int often_tick = 100, seldom_tick = 1000;  // milliseconds

int clamp_rate(ByteCount bytes_per_second) {
  return static_cast<int>(std::min<ByteCount>(bytes_per_second, std::numeric_limits<int>::max()));
}

/// One way out, the mesh's front, and no way in.
void set_network(pack& p, const mesh::SocksFront& front, const PortHold& hold) {
  p.set_str(pack::listen_interfaces, "127.0.0.1:" + std::to_string(hold.port()));  // see PortHold; no TCP listener behind a proxy
  p.set_int(pack::max_retry_port_bind, 0);                                         // ... and no other port is tried
  p.set_bool(pack::listen_system_port_fallback, false);                            // ... nor one that the system picks
  p.set_int(pack::proxy_type, pack::socks5_pw);
  p.set_str(pack::proxy_hostname, "127.0.0.1");
  p.set_int(pack::proxy_port, front.port);
  p.set_str(pack::proxy_username, front.user);
  p.set_str(pack::proxy_password, front.password);
  p.set_bool(pack::proxy_peer_connections, true);
  p.set_bool(pack::proxy_tracker_connections, false);  // it has no trackers
  p.set_bool(pack::proxy_hostnames, false);            // peers are addresses
  p.set_bool(pack::enable_dht, false);                 // a private swarm: the tracker introduces peers, nobody else
  p.set_bool(pack::enable_lsd, false);
  p.set_bool(pack::enable_upnp, false);
  p.set_bool(pack::enable_natpmp, false);
  p.set_bool(pack::enable_ip_notifier, false);   // it has no addresses that could change
  p.set_bool(pack::enable_outgoing_utp, false);  // TCP inside TLS
  p.set_bool(pack::enable_incoming_utp, false);
  p.set_bool(pack::enable_incoming_tcp, false);
  p.set_str(pack::dht_bootstrap_nodes, "");
  p.set_int(pack::in_enc_policy, pack::pe_disabled);  // RC4 inside TLS is noise, and the mesh reads the first 48 bytes
  p.set_int(pack::out_enc_policy, pack::pe_disabled);
  p.set_bool(pack::no_connect_privileged_ports, false);  // virtual ports may be any
}

/// Who may connect, how often it is tried, and when it is given up.
void set_peers(pack& p, const SwarmOptions& options) {
  p.set_int(pack::connections_limit, options.connections);
  p.set_int(pack::connection_speed, 200);       // dials a second; they go to loopback
  p.set_bool(pack::smooth_connects, false);     // all at once when a swarm starts
  p.set_int(pack::torrent_connect_boost, 255);  // see prompt_dialing
  p.set_int(pack::min_reconnect_time, 1);       // seconds, times the failures so far
  p.set_int(pack::max_failcount, 4);            // then only as often as the tracker still names the peer
  p.set_int(pack::peer_connect_timeout, 10);    // above the mesh's own deadline for a dial
  p.set_int(pack::max_peerlist_size, 50'000);   // of one content: a tracker may invent machines
  p.set_int(pack::unchoke_slots_limit, -1);     // authenticated peers: no tit-for-tat
  p.set_int(pack::choking_algorithm, pack::fixed_slots_choker);
  p.set_bool(pack::send_redundant_have, false);     // half of all `have` messages; a source that grants is told by the plugin (grants.cpp)
  p.set_int(pack::allowed_fast_set_size, 0);        // nobody is choked, so nobody needs it
  p.set_bool(pack::rate_limit_ip_overhead, false);  // limits are for payload; it cannot know what the wire adds
  p.set_int(pack::upload_rate_limit, clamp_rate(options.upload_limit));
  p.set_int(pack::download_rate_limit, clamp_rate(options.download_limit));
  p.set_int(pack::mixed_mode_algorithm, pack::prefer_tcp);  // no throttling in favour of uTP
  p.set_int(pack::tick_interval, often_tick);               // see tick_settings
  p.set_str(pack::peer_fingerprint, "-SH0100-");
  p.set_str(pack::user_agent, "Shoal");
  p.set_str(pack::handshake_client_version, "Shoal");
}

/// Keep a fast link fed, keep the tail short.
void set_pipeline(pack& p) {
  p.set_int(pack::request_queue_time, 1);        // 3 s of queue is 3 s of tail
  p.set_int(pack::max_out_request_queue, 2000);  // blocks of 16 KiB: bandwidth-delay product
  p.set_int(pack::max_allowed_in_request_queue, 4000);
  p.set_int(pack::send_buffer_watermark, 4 * 1024 * 1024);
  p.set_int(pack::send_buffer_low_watermark, 512 * 1024);
  p.set_int(pack::send_buffer_watermark_factor, 150);
  p.set_int(pack::whole_pieces_threshold, 2);                 // seconds a piece; the default overflows at high rates
  p.set_int(pack::suggest_mode, pack::no_piece_suggestions);  // ruins diversity
  p.set_bool(pack::use_parole_mode, false);                   // PieceBlame says of whom whole pieces are asked
  p.set_bool(pack::prioritize_partial_pieces, false);         // rarest first
  p.set_int(pack::initial_picker_threshold, 0);               // ... from the first piece on: those at random heed no priority
  p.set_bool(pack::auto_sequential, false);                   // ... also when there are many seeds
  p.set_bool(pack::piece_extent_affinity, false);
  p.set_int(pack::piece_timeout, 8);  // seconds: a stalled peer must not hold the last pieces
  p.set_int(pack::request_timeout, 20);
}

/// Files are the store's business (store_disk.cpp). These two say how many pieces libtorrent asks about at a time when it wants to know
/// which are there: enough to keep every core hashing.
void set_disk(pack& p) {
  p.set_int(pack::hashing_threads, static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 64U)));
  p.set_int(pack::checking_mem_usage, 4096);  // blocks
}

/// Alerts that become events, and none that come per block or per message.
void set_alerts(pack& p) {
  p.set_int(pack::alert_mask,
            lt::alert_category::error | lt::alert_category::status | lt::alert_category::storage | lt::alert_category::peer);
  p.set_int(pack::alert_queue_size, 20'000);
}

}  // namespace

Result<PortHold> PortHold::take() {
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno("cannot open a UDP socket", errno);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd.get(), generic, length) != 0 || ::getsockname(fd.get(), generic, &length) != 0 || ::connect(fd.get(), generic, length) != 0)
    return fail_errno("cannot hold a UDP port on 127.0.0.1", errno);
  return PortHold(std::move(fd), ntohs(address.sin_port));
}

lt::settings_pack session_settings(const SwarmOptions& options, const mesh::SocksFront& front, const PortHold& hold) {
  pack p;
  set_network(p, front, hold);
  set_peers(p, options);
  set_pipeline(p);
  set_disk(p);
  set_alerts(p);
  return p;
}

lt::settings_pack rate_limits(ByteCount upload, ByteCount download) {
  pack p;
  p.set_int(pack::upload_rate_limit, clamp_rate(upload));
  p.set_int(pack::download_rate_limit, clamp_rate(download));
  return p;
}

lt::settings_pack tick_settings(bool often) {
  pack p;
  p.set_int(pack::tick_interval, often ? often_tick : seldom_tick);
  return p;
}

lt::session_params session_params(lt::settings_pack settings, lt::disk_io_constructor_type disk) {
  // An explicit empty list: the default one brings ut_pex and ut_metadata, which have no business here.
  lt::session_params params(std::move(settings), std::vector<std::shared_ptr<lt::plugin>>{});
  params.disk_io_constructor = std::move(disk);
  return params;
}

lt::ip_filter peer_classes() {
  const auto global = std::uint32_t{1} << static_cast<std::uint32_t>(lt::session::global_peer_class_id);
  lt::ip_filter filter;
  filter.add_rule(lt::address_v4::any(), lt::address_v4::broadcast(), global);
  filter.add_rule(lt::address_v6::any(), lt::make_address_v6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), global);
  return filter;
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  rlimit raised = limit;
  raised.rlim_cur = raised.rlim_max;
  // Fails only where a container forbids it; then the limit that is there holds.
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  return std::min<rlim_t>(limit.rlim_cur, std::numeric_limits<int>::max());
}

Descriptors share_descriptors(std::size_t limit, int connections) {
  constexpr std::size_t most_files = 4096;
  constexpr std::size_t each_file = 2, each_connection = 3;  // a peer: TLS, and both ends of the way through the front
  Descriptors share;
  share.files = std::clamp<std::size_t>(limit / 8, 16, most_files);
  const std::size_t others =
      limit / 8 + 64;  // HTTP, the tracker's and the operators' sockets, databases, logs, hooks, what is just being read
  const std::size_t taken = std::min(limit, share.files * each_file + others);
  const auto affordable = static_cast<int>(std::max<std::size_t>((limit - taken) / each_connection, 16));
  share.connections = std::min(connections, affordable);
  return share;
}

}  // namespace shoal::swarm
