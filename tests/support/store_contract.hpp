// What every way into the store promises whoever brings and asks for blocks: the store itself, and libtorrent's disk interface over it.
#pragma once

#include <cstdint>
#include <string>

#include "base/units.hpp"
#include "doctest/doctest.h"

namespace shoal::test {

/// A Door is made anew for each promise, over a content of which nothing is there, with pieces of several blocks:
///   std::uint32_t piece_count(); std::string piece(n)    what is right
///   void write(n, offset, bytes); bool complete(n)       blocks, and whether they are the piece
///   std::string read(n, offset, length)                  "" where that is an error
///   void clear(n); void flush(); std::string stored(n)   in the piece's place on the disk
template <class Door>
class StoreContract {
 public:
  static constexpr std::uint32_t block = 16 * KiB;

  void check() {
    SUBCASE("pieces come in any order of their blocks, are read back, and are on the disk") { any_order(); }
    SUBCASE("blocks of several pieces may come in turn") { in_turn(); }
    SUBCASE("a piece that is wrong is told, shown until it is cleared, never stored, and can come again") { wrong(); }
    SUBCASE("a piece that lacks a block is not the piece, and can come as if it never began") { incomplete(); }
    SUBCASE("a block may come twice") { twice(); }
    SUBCASE("what is not there is not read") { CHECK(door_.read(1, 0, block).empty()); }
  }

 private:
  void write(std::uint32_t number, const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += block) door_.write(number, static_cast<std::uint32_t>(at), bytes.substr(at, block));
  }
  void check_stored(std::uint32_t number) {
    const std::string right = door_.piece(number);
    for (std::size_t at = 0; at < right.size(); at += block) {
      const auto length = static_cast<std::uint32_t>(std::min<std::size_t>(block, right.size() - at));
      CHECK(door_.read(number, static_cast<std::uint32_t>(at), length) == right.substr(at, length));
    }
    door_.flush();
    CHECK(door_.stored(number) == right);
  }

  void any_order() {
    for (std::uint32_t number = door_.piece_count(); number-- > 0;) {
      const std::string right = door_.piece(number);
      for (std::size_t at = (right.size() - 1) / block * block;; at -= block) {
        door_.write(number, static_cast<std::uint32_t>(at), right.substr(at, block));
        if (at == 0) break;
      }
      CHECK(door_.complete(number));
      check_stored(number);
    }
  }
  void in_turn() {
    for (std::uint32_t at = 0; at < 4 * block; at += block)
      for (std::uint32_t number = 0; number < door_.piece_count(); ++number)
        if (at < door_.piece(number).size()) door_.write(number, at, door_.piece(number).substr(at, block));
    for (std::uint32_t number = 0; number < door_.piece_count(); ++number) CHECK(door_.complete(number));
    for (std::uint32_t number = 0; number < door_.piece_count(); ++number) check_stored(number);
  }
  void wrong() {
    std::string bytes = door_.piece(1);
    bytes[20'000] = static_cast<char>(bytes[20'000] ^ 1);
    write(1, bytes);
    CHECK_FALSE(door_.complete(1));
    CHECK(door_.read(1, block, block) == bytes.substr(block, block));
    CHECK(door_.stored(1) != bytes);
    door_.clear(1);
    write(1, door_.piece(1));
    CHECK(door_.complete(1));
    check_stored(1);
  }
  void incomplete() {
    door_.write(0, block, door_.piece(0).substr(block, block));
    CHECK_FALSE(door_.complete(0));
    write(0, door_.piece(0));
    CHECK(door_.complete(0));
    check_stored(0);
  }
  void twice() {
    door_.write(0, 0, door_.piece(0).substr(0, block));
    write(0, door_.piece(0));
    CHECK(door_.complete(0));
    check_stored(0);
  }

  Door door_;
};

}  // namespace shoal::test
