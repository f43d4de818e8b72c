// Small bridges between our types and libtorrent's. Included by the sources of this folder alone.
#pragma once

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/address.hpp>
#include <libtorrent/sha1_hash.hpp>
#include <libtorrent/socket.hpp>
#include <libtorrent/torrent_info.hpp>

#include <string_view>

#include "base/ids.hpp"
#include "mesh/mesh.hpp"

namespace shoal::swarm {

namespace lt = libtorrent;

inline InfoHash from_engine(const lt::sha1_hash& hash) {
  InfoHash result;
  std::copy(hash.begin(), hash.end(), result.bytes.begin());
  return result;
}
inline lt::tcp::endpoint to_engine(mesh::VirtualEndpoint endpoint) { return {lt::address_v4(endpoint.address), endpoint.port}; }
inline mesh::VirtualEndpoint from_engine(const lt::tcp::endpoint& endpoint) {
  if (!endpoint.address().is_v4()) return {};
  return {static_cast<std::uint32_t>(endpoint.address().to_v4().to_uint()), endpoint.port()};
}

}  // namespace shoal::swarm
