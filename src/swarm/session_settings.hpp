// How libtorrent is set up: no sockets but to the mesh's front, no discovery, no tit-for-tat.
#pragma once

#include <libtorrent/session_params.hpp>

#include "base/files.hpp"
#include "swarm/content.hpp"
#include "swarm/engine.hpp"

namespace shoal::swarm {

/// A UDP port on loopback that is held so that libtorrent cannot bind it.
///
/// With a proxy for peers set, libtorrent 2.0.8 binds one UDP socket on 0.0.0.0 whatever its settings say; only the port can be
/// chosen (listen_interfaces). It is given a port that is taken, told not to look for another, and so ends up with no socket at all.
/// The socket is connected to itself: nothing that others send reaches it. Must live as long as the session.
class PortHold {
 public:
  static Result<PortHold> take();
  std::uint16_t port() const { return port_; }

 private:
  PortHold(UniqueFd fd, std::uint16_t port) : fd_(std::move(fd)), port_(port) {}
  UniqueFd fd_;
  std::uint16_t port_;
};

/// Every setting that differs from libtorrent's own default, with its reason.
lt::settings_pack session_settings(const SwarmOptions& options, const mesh::SocksFront& front, const PortHold& hold);

/// The two limits alone, in bytes per second (0: none), to be applied to a session that runs.
lt::settings_pack rate_limits(ByteCount upload, ByteCount download);

/// How often the engine hands out what the rate limits allow: in small portions, or once a second.
lt::settings_pack tick_settings(bool often);

/// The settings and the disk back-end, without any session plugin.
lt::session_params session_params(lt::settings_pack settings, lt::disk_io_constructor_type disk);

/// Puts every address into the one class that has the rate limits; by default libtorrent leaves loopback out of them, and all
/// our peers look like loopback.
lt::ip_filter peer_classes();

/// Lets the process open as many descriptors as it may, and returns how many: libtorrent caps its connections to 80 % of the limit that it
/// finds when the session is built.
std::size_t raise_descriptor_limit();

/// How the engine divides up the descriptors that the process may have.
struct Descriptors {
  std::size_t files = 0;  // that the store keeps open
  int connections = 0;    // at most as many as asked for
};
Descriptors share_descriptors(std::size_t limit, int connections);

}  // namespace shoal::swarm
