#include "manifest/file_view.hpp"

#include <algorithm>

namespace shoal::manifest {
namespace {

/// Read at a place of its own, and read where the last read ended.
constexpr std::size_t lone_read = 4 * 1024, next_read = 256 * 1024;
/// Text is read three times (as UTF-8, as JSON, as a pickle), a member of an archive no more than that.
constexpr ByteCount passes = 8, smallest_budget = 64 * MiB;

}  // namespace

FileBytes::FileBytes(ByteCount size, Read read)
    : size_(size),
      read_(std::move(read)),
      budget_(size > (UINT64_MAX - smallest_budget) / passes ? UINT64_MAX : size * passes + smallest_budget) {}

std::string_view FileBytes::at(ByteCount offset, std::size_t length) {
  if (!problem_.ok() || spent_ || length == 0 || length > size_ || offset > size_ - length) return {};
  const bool held = offset >= window_at_ && offset - window_at_ <= window_.size() && length <= window_.size() - (offset - window_at_);
  if (!held && !fill(offset, length)) return {};
  return std::string_view(window_).substr(offset - window_at_, length);
}

bool FileBytes::fill(ByteCount offset, std::size_t length) {
  const ByteCount window_end = window_at_ + window_.size();
  const bool goes_on = !window_.empty() && offset >= window_at_ && offset <= window_end;
  const ByteCount wanted = std::min<ByteCount>(std::max(length, goes_on ? next_read : lone_read), size_ - offset);
  if (wanted > budget_) return !(spent_ = true);
  budget_ -= wanted;
  auto bytes = read_(offset, wanted);
  // What is not needed may be missing.
  if (!bytes.ok() && bytes.error().code == ErrorCode::partial && wanted > length) bytes = read_(offset, length);
  if (!bytes.ok()) problem_ = bytes.error();
  else if (bytes->size() != wanted && bytes->size() != length)
    problem_ = shoal::fail(ErrorCode::usage, "the file is shorter than it was: it changed while it was read");
  if (!problem_.ok()) return false;
  window_ = std::move(bytes).value();
  window_at_ = offset;
  return true;
}

}  // namespace shoal::manifest
