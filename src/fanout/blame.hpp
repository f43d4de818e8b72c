// Decides which machine sent the wrong bytes of a piece that failed its check. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/ids.hpp"

namespace shoal::fanout {

/// SHA-256 of the file bytes in each block of a piece; none for an unknown block.
using BlockDigests = std::vector<std::optional<Sha256>>;

/// The sender of each block of a piece; nullptr if unknown, or if this machine supplied the block itself (from a mirror or a copy).
using BlockSenders = std::vector<std::shared_ptr<const NodeId>>;

/// The blocks of one content's failed pieces, and what they prove. Only two things prove a lie: a failed piece that one machine sent alone,
/// and a block that differs from the block in the verified piece. Having contributed to a failed piece proves nothing; otherwise one liar
/// could get every honest machine banned.
class Blame {
 public:
  using Piece = std::uint32_t;
  using Machines = std::vector<NodeId>;

  /// A piece arrived and its SHA-256 is wrong. Returns the machines that this convicts; otherwise the piece is disputed until its right
  /// bytes are known.
  Machines failed(Piece piece, const BlockSenders& senders, const BlockDigests& digests);
  /// The right bytes of a disputed piece are known and it is not here yet. Returns those that sent something else.
  Machines settled(Piece piece, const BlockDigests& truth);
  /// The piece is here. `truth` is needed for a disputed one only.
  Machines verified(Piece piece, const BlockDigests& truth);

  /// Blocks of the piece are compared when it is verified.
  bool is_disputed(Piece piece) const { return disputes_.contains(piece); }
  /// The right digest of a block of a disputed piece, once it is known.
  const Sha256* truth(Piece piece, std::uint32_t block) const;
  /// A disputed piece that should be fetched from one machine alone: the oldest where none of the senders is known to lie already. Of the
  /// others those that failed again.
  std::optional<Piece> to_settle(const std::function<bool(const NodeId&)>& is_liar) const;
  /// Those that sent blocks of a disputed piece.
  std::set<NodeId> senders(Piece piece) const;
  /// In how many disputed pieces a machine has a part.
  std::size_t suspicions(const NodeId& machine) const;

 private:
  struct Claim {
    std::uint32_t block;
    std::shared_ptr<const NodeId> sender;
    Sha256 digest;
  };
  struct Dispute {
    std::vector<Claim> claims;
    unsigned failures = 0;
    BlockDigests truth;  // empty: not known
  };
  Dispute& dispute(Piece piece);
  static Machines liars(std::vector<Claim>& claims, const BlockDigests& truth);
  void forget(Piece piece);
  void keep_bounded();

  std::map<Piece, Dispute> disputes_;
  std::deque<Piece> order_;  // in which they arose
};

}  // namespace shoal::fanout
