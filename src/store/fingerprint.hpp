// A quick check that the bytes of a piece are those that were there when its SHA-256 was known to be right. It finds what a disk, a
// cable or a careless hand does; it is no proof against someone who looks for a collision, and need not be: who receives a piece
// checks its SHA-256. Costs a fifteenth of a SHA-256 (docs/performance.md).
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string_view>

namespace shoal::store {

/// XXH3, 128 bits, over the file's bytes in a piece. All zero: not known.
struct Fingerprint {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  auto operator<=>(const Fingerprint&) const = default;
  bool is_known() const { return *this != Fingerprint{}; }
};

Fingerprint fingerprint(std::string_view bytes);

class FingerprintHasher {
 public:
  FingerprintHasher();
  void update(std::string_view bytes);
  Fingerprint finish() const;

 private:
  struct State;
  struct Free {
    void operator()(State* state) const;
  };
  std::unique_ptr<State, Free> state_;
};

}  // namespace shoal::store
