// Decides which pieces a machine fetches from other sites. Pure: no socket, no clock of its own, no libtorrent.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/clock.hpp"

namespace shoal::fanout {

/// Left alone, every machine of a site fetches over the slow link what is rare at home, and most pieces cross more than once. Instead the
/// machines of a site divide the pieces among themselves, without talking about it (rendezvous hashing): a piece that no near machine has
/// is fetched by the machine that a hash of piece and machine ranks first among the near machines that lack pieces. The others wait for it.
///
/// A machine is near if it reports the same site, and far if it reports another. Nobody starts before near machines have had a moment to
/// connect. A machine that receives nothing for a while also fetches pieces outside its share. One thread at a time.
class SiteShare {
 public:
  using Link = std::uint32_t;
  using Piece = std::uint32_t;
  /// A piece of a far machine that was hidden so far.
  struct Show {
    Link link;
    Piece piece;
  };

  /// All machines must use the same numbers for each other and for `self`.
  SiteShare(Piece pieces, std::uint64_t self, SteadyTime now);

  Link join_near(std::uint64_t machine);
  Link join_far();
  void leave(Link link);

  /// The machine at the link has the piece. Returns whether that is visible; if not, treat the machine as lacking it until a Show says
  /// otherwise.
  bool note_has(Link link, Piece piece);
  /// This machine has the piece.
  void note_own(Piece piece, SteadyTime now);

  /// The pieces to show now. Call it after every change, and every second.
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
  void note_visible(Piece piece);
  void show(Piece piece, std::vector<Show>& shown);
  void overreach(std::vector<Show>& shown);

  const std::uint64_t self_;
  std::vector<bool> mine_;
  Piece lacks_;
  std::vector<std::uint32_t> at_site_;  // near machines that have it
  std::map<Link, Near> near_;
  std::map<Link, Hidden> far_;
  Link next_link_ = 0;
  const SteadyTime start_;
  bool started_ = false;           // near machines have had time to connect
  bool changed_ = false;           // a near machine has left: others take over its share
  SteadyTime last_progress_;       // when a piece last came from a near machine, or a piece of the own share from anywhere
  SteadyTime last_overreach_;      // when pieces outside the share were last shown
  std::vector<bool> visible_;      // pieces that far machines were shown to have
  Piece visible_missing_ = 0;      // visible pieces that this machine lacks
  std::vector<bool> overreached_;  // pieces outside the share that were shown because nothing came
  unsigned overreaches_ = 0;       // since the last progress
};

}  // namespace shoal::fanout
