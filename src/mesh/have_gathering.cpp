#include "mesh/have_gathering.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace shoal::mesh {
namespace {

constexpr std::size_t length_size = 4, have_head_size = 5;
constexpr std::string_view have_head("\0\0\0\5\4", have_head_size);

}  // namespace

std::size_t HaveGathering::leaving(std::string_view bytes) {
  const std::size_t unsent = kept_ + bytes.size();
  std::size_t at_end = kept_;  // bytes of whole `have` messages with nothing else behind them
  while (!bytes.empty()) {
    const std::size_t skipped = std::min(skip_, bytes.size());
    skip_ -= skipped;
    bytes.remove_prefix(skipped);
    if (skipped > 0) at_end = 0;
    if (bytes.empty()) break;
    message_[begun_++] = bytes.front();
    bytes.remove_prefix(1);
    const std::string_view message(message_.data(), begun_);
    if (begun_ >= length_size && !have_head.starts_with(message.substr(0, have_head_size))) {
      // The byte behind the length may have been read already.
      skip_ = from_big_endian<std::uint32_t>(message) + length_size - begun_;
      begun_ = 0;
      at_end = 0;
    } else if (begun_ == have_size) {
      begun_ = 0;
      at_end += have_size;
    }
  }
  // A message that is only half here does not wait: the engine is writing.
  kept_ = begun_ > 0 || skip_ > 0 ? 0 : at_end;
  // Of the first one, a part may have left already.
  if (kept_ > unsent) kept_ = unsent / have_size * have_size;
  return unsent - kept_;
}

}  // namespace shoal::mesh
