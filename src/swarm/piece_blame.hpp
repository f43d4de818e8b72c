// Finds out who spoilt a piece, and keeps that machine away.
#pragma once

#include <libtorrent/extensions.hpp>
#include <libtorrent/torrent_handle.hpp>

#include <functional>
#include <memory>
#include <vector>

#include "fanout/bans.hpp"
#include "store/layout.hpp"
#include "swarm/engine.hpp"
#include "swarm/piece_watch.hpp"

namespace shoal::swarm {

/// One content that is fetched, or may be repaired.
struct BlamedContent {
  InfoHash id;
  store::Layout layout;
  std::vector<Sha256> pieces;
  /// A machine was convicted. Called on the network thread; must return soon.
  std::function<void(const NodeId&, const fanout::Sentence&)> convicted;
};

/// Takes libtorrent's place in this: it replaces `smart_ban`, and libtorrent's own bans have no effect. A piece that failed is fetched by
/// the engine as any other, and beside that from one machine alone until its right bytes are known; each block that was sent before is
/// compared with those. `watch` goes to the disk back-end, `plugin` to the torrent. All calls on the network thread.
class PieceBlame {
 public:
  /// `mesh` and `clock` must outlive the session.
  static std::shared_ptr<PieceBlame> make(BlamedContent content, std::shared_ptr<fanout::Bans> bans, const mesh::Mesh& mesh,
                                          const Clock& clock);
  virtual ~PieceBlame() = default;
  virtual std::shared_ptr<PieceWatch> watch() = 0;
  virtual std::shared_ptr<lt::torrent_plugin> plugin(const lt::torrent_handle& torrent) = 0;
};

}  // namespace shoal::swarm
