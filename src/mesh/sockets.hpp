// The system calls and socket options of the mesh, each with its reason.
#pragma once

#include <optional>

#include "base/asio.hpp"
#include "base/files.hpp"
#include "base/units.hpp"

namespace shoal::mesh {

/// Kernel buffer of the engine's loopback connections, in each direction. What sits in it is hidden from the engine: bytes that it
/// believes to be on the network. 128 KiB is about one bandwidth-delay product of 1 Gbit/s over 1 ms; the kernel doubles it for
/// its own bookkeeping.
inline constexpr int engine_buffer = 128 * 1024;
/// Unsent bytes that the wire socket takes before it says "full" (TCP_NOTSENT_LOWAT); what is in flight does not count, so that
/// fast and long paths still fill. Two turns of the pump's buffer: the socket does not run dry while the pump sleeps.
inline constexpr int wire_unsent = 128 * 1024;
/// The wire ends when sent bytes stay unacknowledged this long (TCP_USER_TIMEOUT): the engine's own keep-alives would otherwise hide
/// a machine that died.
inline constexpr unsigned wire_silence_ms = 60000;

/// A write to a closed socket must be an error of that call, not a signal to the process. OpenSSL cannot pass MSG_NOSIGNAL, so each
/// thread of the mesh blocks the signal.
void block_sigpipe();

void tune_wire(int fd);
void tune_engine(int fd);
/// The socket is readable from so many bytes on (SO_RCVLOWAT), or when its stream has ended.
void wake_from(int fd, std::size_t bytes);
/// close(2) discards what is unsent and resets the connection.
void discard_on_close(int fd);

/// An IP literal and a port; names are not resolved.
Result<tcp::endpoint> parse_endpoint(const HostPort& address);
/// Listening, non-blocking, close-on-exec. "::" also takes IPv4, and is 0.0.0.0 where the kernel has no IPv6. `receive_buffer` is inherited
/// by accepted sockets; 0 leaves the system's. A port that is taken is an error with the code `conflict`.
Result<UniqueFd> listen_on(const HostPort& address, int receive_buffer);
std::uint16_t port_of(int fd);
/// A non-blocking, close-on-exec TCP socket; -1 and errno on failure.
UniqueFd open_tcp(const tcp::endpoint& target);
/// The other side has closed, or the connection is dead.
bool hung_up(int fd);
/// Takes what came in and drops it, so that close(2) does not reset the connection under an alert that is still on its way.
void drain(int fd);

}  // namespace shoal::mesh
