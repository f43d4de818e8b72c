#include "fanout/piece_round.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "doctest/doctest.h"

using shoal::fanout::NumberSet;
using shoal::fanout::PieceRound;

namespace {

/// The next piece for a peer that lacks everything.
PieceRound::Piece next(PieceRound& round) { return round.next(round.members()).value(); }

PieceRound full(PieceRound::Piece pieces, std::uint64_t order, std::uint64_t seed) {
  PieceRound round(pieces, order, seed);
  for (PieceRound::Piece piece = 0; piece < pieces; ++piece) round.set(piece, true);
  return round;
}

std::vector<PieceRound::Piece> take_all(PieceRound round) {
  std::vector<PieceRound::Piece> taken;
  while (!round.empty()) {
    taken.push_back(next(round));
    round.set(taken.back(), false);
  }
  return taken;
}

}  // namespace

TEST_CASE("every piece comes once a round, and those that are taken out do not come") {
  for (const PieceRound::Piece pieces : {1U, 63U, 64U, 65U, 1000U}) {
    PieceRound round = full(pieces, 7, 12345);
    const auto taken = take_all(round);
    CHECK(std::set(taken.begin(), taken.end()).size() == pieces);
    if (pieces < 3) continue;
    round.set(1, false);
    round.set(1, false);
    CHECK(round.size() == pieces - 1);
    for (PieceRound::Piece i = 0; i < 2 * pieces; ++i) CHECK(next(round) != 1);
    for (PieceRound::Piece piece = 0; piece < pieces; ++piece) round.set(piece, false);
    CHECK(round.empty());
    round.jump();
    round.set(2, true);
    for (int i = 0; i < 3; ++i) CHECK(next(round) == 2);
  }
}

TEST_CASE("those who share an order follow it from places of their own; another order is another") {
  const auto one = take_all(full(500, 3, 1)), other = take_all(full(500, 3, 2)), foreign = take_all(full(500, 4, 1));
  const auto followed = [&](const std::vector<PieceRound::Piece>& taken) {
    std::set<std::pair<PieceRound::Piece, PieceRound::Piece>> pairs;
    for (std::size_t i = 1; i < taken.size(); ++i) pairs.emplace(taken[i - 1], taken[i]);
    return pairs;
  };
  std::set<std::pair<PieceRound::Piece, PieceRound::Piece>> same, chance;
  const auto a = followed(one), b = followed(other), c = followed(foreign);
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(same, same.end()));
  std::set_intersection(a.begin(), a.end(), c.begin(), c.end(), std::inserter(chance, chance.end()));
  CHECK(same.size() >= 490);
  CHECK(chance.size() <= 10);
  CHECK(one.front() != other.front());
}

TEST_CASE("who comes upon a stretch that another has been through goes on somewhere else") {
  int elsewhere = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    PieceRound round = full(1000, 3, seed);
    const auto order = take_all(round);
    for (std::size_t i = 100; i < 200; ++i) round.set(order[i], false);
    for (std::size_t i = 0; i < 100; ++i) round.set(next(round), false);
    elsewhere += next(round) == order[200] ? 0 : 1;
  }
  CHECK(elsewhere >= 18);
}

TEST_CASE("a peer that lacks few of many pieces is given those, and the round stays where it is for the others") {
  PieceRound round = full(100'000, 3, 1);
  NumberSet lacks(100'000);
  const std::set<PieceRound::Piece> lacking{7, 50'000, 99'999};
  for (const auto piece : lacking) lacks.insert(round.rank(piece));
  const auto before = take_all(round);
  std::set<PieceRound::Piece> given;
  while (const auto piece = round.next(lacks)) {
    given.insert(*piece);
    round.set(*piece, false);
  }
  CHECK(given == lacking);
  CHECK(round.size() == 100'000 - 3);
  CHECK(next(round) == before.front());
}
