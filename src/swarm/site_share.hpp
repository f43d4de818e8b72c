// Which pieces a machine fetches from other sites. Pure: no sockets, no clock of its own, no libtorrent.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/clock.hpp"

namespace shoal::swarm {

/// Left alone, every machine of a site fetches over the long way what is rare at home, and most pieces cross more than once. Instead the
/// machines of a site share the pieces out, each by itself and all to the same end: a piece that nobody near has is fetched by the one
/// that a hash of piece and machine puts first among those near that lack pieces (rendezvous hashing). The others wait for it. Near is who
/// said that it stands at the same site, far who named another. Nobody begins before those near have had a moment to come, and who gets
/// nothing for a while fetches what is not its own as well. One thread at a time.
class SiteShare {
 public:
  using Link = std::uint32_t;
  using Piece = std::uint32_t;
  /// What a far machine has and was hidden so far.
  struct Show {
    Link link;
    Piece piece;
  };

  /// `self` and the other machines' numbers are what all machines know them by.
  SiteShare(Piece pieces, std::uint64_t self, SteadyTime now);

  Link join_near(std::uint64_t machine);
  Link join_far();
  void leave(Link link);

  /// The machine at the link has the piece. False: it is to be taken for one that does not have it, until a Show says otherwise.
  bool has(Link link, Piece piece);
  /// This machine has it.
  void got(Piece piece, SteadyTime now);

  /// What is to be shown now. Call it after changes, and every second.
  std::vector<Show> next(SteadyTime now);

 private:
  struct Near {
    std::uint64_t machine = 0;
    std::vector<bool> has;
    Piece lacks = 0;
  };
  using Hidden = std::vector<bool>;

  bool is_ours(Piece piece) const;
  bool is_missing(Piece piece) const { return !mine_[piece] && at_site_[piece] == 0; }
  void see(Piece piece);
  void show(Piece piece, std::vector<Show>& shown);
  void show_some(std::vector<Show>& shown);

  const std::uint64_t self_;
  std::vector<bool> mine_;
  Piece lacks_;
  std::vector<std::uint32_t> at_site_;  // near machines that have it
  std::map<Link, Near> near_;
  std::map<Link, Hidden> far_;
  Link next_link_ = 0;
  const SteadyTime start_;
  bool settled_ = false;       // near machines have had time to come
  bool changed_ = false;       // a near machine has gone: its share falls to others
  SteadyTime progress_;        // when something came from near, or of its own share
  SteadyTime looked_;          // beyond it
  std::vector<bool> visible_;  // shown by far machines
  Piece left_ = 0;             // of these, those that are not here yet
  std::vector<bool> beyond_;   // shown for want of others
  unsigned wants_ = 0;         // how often that was since something else came
};

}  // namespace shoal::swarm
