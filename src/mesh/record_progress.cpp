#include "mesh/record_progress.hpp"

#include <algorithm>

namespace shoal::mesh {

void RecordProgress::passed(const char* bytes, std::size_t count) {
  for (const char* end = bytes + count; bytes < end;) {
    const std::size_t skipped = std::min(body_, static_cast<std::size_t>(end - bytes));
    body_ -= skipped;
    bytes += skipped;
    if (bytes == end) break;
    const auto byte = static_cast<std::uint8_t>(*bytes++);
    if (++header_ == header_size - 1) length_high_ = byte;
    if (header_ < header_size) continue;
    header_ = 0;
    body_ = std::size_t{length_high_} << 8 | byte;
  }
}

std::size_t RecordProgress::missing() const {
  if (header_ > 0) return header_size - header_;
  return std::max<std::size_t>(1, body_);
}

}  // namespace shoal::mesh
