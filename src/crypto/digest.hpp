// Digests and randomness (FIPS 180-4), from OpenSSL.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/ids.hpp"

namespace shoal::crypto {

Sha256 sha256(std::string_view bytes);
Sha1 sha1(std::string_view bytes);

/// Incremental digest. Not thread-safe; one thread at a time.
class Sha256Hasher {
 public:
  Sha256Hasher();
  Sha256Hasher(Sha256Hasher&&) noexcept;
  Sha256Hasher& operator=(Sha256Hasher&&) noexcept;
  ~Sha256Hasher();
  void update(std::string_view bytes);
  /// The digest; the hasher starts afresh.
  Sha256 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Sha1Hasher {
 public:
  Sha1Hasher();
  Sha1Hasher(Sha1Hasher&&) noexcept;
  Sha1Hasher& operator=(Sha1Hasher&&) noexcept;
  ~Sha1Hasher();
  void update(std::string_view bytes);
  Sha1 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// `count` bytes from the system's generator. Throws std::runtime_error where there is none.
std::string random_bytes(std::size_t count);
/// In time that depends on the lengths alone.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace shoal::crypto
