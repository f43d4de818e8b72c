// Directed seeding on the wire: a BEP 10 extension between our machines, as a libtorrent plugin. It only carries messages; the decisions
// are made in src/fanout.
//
// Grants. The extended handshake carries `shoal_grant`: {"v": 1, "source": 0 or 1}. A machine that reads `source: 1` ignores what the
// source claims to have (have_all, bitfield). The source grants pieces by sending plain `have` messages for them. A peer without the
// extension sees an ordinary seed.
//
// Complete machines. Two complete machines have no use for each other. A machine that becomes complete sends `have_all` to peers that only
// upload, and they answer the same. A little later one of the two closes the link, and neither engine dials the other again.
//
// Sites. Machines that know their site send it in the handshake and divide the pieces of other sites among themselves (fanout::SiteShare).
// A machine ignores what a far machine has until the piece is its own to fetch. It then requests it with the extended message `shoal_show`,
// piece numbers as big-endian 32-bit integers, and the far machine answers with plain `have` messages.
//
// Readers. A machine on which somebody reads the content while it arrives sends `shoal_show` to sources as well. A source grants those
// pieces before others (GrantPolicy::wish).
#pragma once

#include <libtorrent/extensions.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "swarm/engine.hpp"

namespace shoal::swarm {

/// The extension's member of the extended handshake.
inline constexpr const char* grant_key = "shoal_grant";
inline constexpr int grant_version = 1;

/// How readers of this machine reach the grants of a content. On the network thread.
struct PieceWishes {
  std::function<void(const std::vector<std::uint32_t>&)> tell;
};

struct GrantRole {
  /// Whether this machine grants pieces if it has most of the content from the start: a seeder, or a node after a restart or with an older
  /// release on its disk. A node that fetched the content answers every request instead: its peers already know what it has, many nodes
  /// are in the same position, and a late node is served fastest when all of them answer.
  bool grants = false;
  std::uint64_t order = 0;  // in which pieces are granted; the same for all sources of a content
  std::uint64_t seed = 0;   // of the random choices; different for each source
  /// Bytes of granted pieces that may be outstanding at once. This may exceed what the store can hold; each piece is read several times
  /// while it is sent.
  ByteCount under_way = 64 * MiB;
  /// The id and the site of this machine; empty if unknown.
  NodeId self = {};
  std::string site = {};
  /// Pieces that go out before all others (deciding_pieces).
  std::vector<std::uint32_t> first = {};
  /// Gets its `tell` from the plugin; none: nobody reads while the content arrives.
  std::shared_ptr<PieceWishes> wishes = {};
};

/// The libtorrent plugin for one torrent. libtorrent calls it on its network thread. `mesh` must outlive the session.
std::shared_ptr<lt::torrent_plugin> grants(const lt::torrent_handle& torrent, GrantRole role, mesh::Mesh& mesh, const Clock& clock);

}  // namespace shoal::swarm
