// SHA-256 in parts that need not follow one another in time (FIPS 180-4).
#pragma once

#include <memory>
#include <string_view>

#include "base/ids.hpp"
#include "base/units.hpp"

namespace shoal::crypto {

/// What SHA-256 has come to after a whole number of its blocks of 64 bytes: the hash value H(i) of FIPS 180-4, big-endian. It is no digest:
/// who has it can go on.
using Sha256State = Digest<32, struct Sha256StateTag>;

/// SHA-256 that can be left after a whole number of blocks of 64 bytes, and taken up again elsewhere. One thread at a time.
class Sha256Chain {
 public:
  static constexpr std::size_t block = 64;

  Sha256Chain();
  /// Goes on after `done` bytes, a multiple of 64, that came to `state`.
  Sha256Chain(const Sha256State& state, ByteCount done);
  Sha256Chain(Sha256Chain&&) noexcept;
  Sha256Chain& operator=(Sha256Chain&&) noexcept;
  ~Sha256Chain();
  void update(std::string_view bytes);
  /// Throws std::logic_error where the bytes so far do not fill whole blocks.
  Sha256State state() const;
  /// The digest of all bytes; the chain is over.
  Sha256 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace shoal::crypto
