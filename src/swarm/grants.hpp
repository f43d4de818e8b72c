// Directed seeding on the wire: a BEP 10 extension between our machines.
//
// The extended handshake carries `shoal_grant`: {"v": 1, "source": 0 or 1}. A machine that reads `source: 1` takes no notice of what the
// source says it has (have_all, bitfield); the source then sends it plain `have` messages for the pieces that it is to fetch from there.
// A peer that says nothing of the kind meets an ordinary seed.
//
// Two machines that are complete have no use for each other. A machine that becomes complete says `have_all` to those that say they only
// upload, which answer the same; a little later one of the two ends the link, and neither engine dials the other any more.
//
// Machines that know their site say it there too, and share out what comes from other sites (SiteShare): a machine takes no notice of what
// a far one has as long as that is not for it to fetch. When it is, it asks by the extended message `shoal_show`, pieces as big-endian
// numbers of 32 bits, and is answered with plain `have` messages.
#pragma once

#include <libtorrent/extensions.hpp>

#include <memory>
#include <string>
#include <vector>

#include "swarm/engine.hpp"

namespace shoal::swarm {

/// Its member of the extended handshake.
inline constexpr const char* grant_key = "shoal_grant";
inline constexpr int grant_version = 1;

struct GrantRole {
  /// This machine rations what it has, if it has most of the content from the start: a seeder, or a node after a restart or with an older
  /// release on its disk. A node that fetched the content does not: its peers have heard what it has piece by piece, there are as many
  /// like it as nodes that finished, and who comes late is served fastest when all of them answer whatever they are asked.
  bool grants = false;
  std::uint64_t order = 0;  // in which pieces are given out: all sources of a content have the same
  std::uint64_t seed = 0;   // of the random choices: sources must differ
  /// Bytes of pieces that may be under way at once. More than the store can hold, and each piece is read several times while it is sent.
  ByteCount under_way = 64 * MiB;
  /// Who this machine is, and where it stands; empty where that is not known.
  NodeId self = {};
  std::string site = {};
  /// Pieces that go out before all others (deciding_pieces).
  std::vector<std::uint32_t> first = {};
};

/// A libtorrent plugin for one torrent. All its calls come on the network thread. `mesh` must outlive the session.
std::shared_ptr<lt::torrent_plugin> grants(const lt::torrent_handle& torrent, GrantRole role, mesh::Mesh& mesh, const Clock& clock);

}  // namespace shoal::swarm
