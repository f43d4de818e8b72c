// How much of a TLS record has arrived (RFC 8446, 5.1: a header of five bytes that ends with the length of what follows). Pure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace shoal::mesh {

/// A record can be decrypted only once all of it is there, so a reader that knows how many bytes it lacks can sleep until then. One thread
/// at a time.
class RecordProgress {
 public:
  /// The next bytes of the stream. Costs a step for each record, not for each byte.
  void passed(const char* bytes, std::size_t count);
  /// Bytes until the record that has begun is whole, as far as its header says; 1 between records.
  std::size_t missing() const;

 private:
  static constexpr std::size_t header_size = 5;

  std::size_t header_ = 0;  // bytes of the header that are here
  std::size_t body_ = 0;    // bytes of the body that are not
  std::uint8_t length_high_ = 0;
};

}  // namespace shoal::mesh
