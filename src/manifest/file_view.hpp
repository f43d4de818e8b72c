// A file of a stranger's as the recognisers of formats read it: at any place, in small parts, with a bound on what is read in all.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/units.hpp"

namespace shoal::manifest {

/// Reads through one window. After the first read that fails every other one gives nothing: whatever a recogniser then says is void, and
/// `problem` says why.
class FileBytes {
 public:
  using Read = std::function<Result<std::string>(ByteCount offset, ByteCount length)>;
  FileBytes(ByteCount size, Read read);

  ByteCount size() const { return size_; }
  /// Exactly `length` bytes, valid until the next call; nothing where the file ends before.
  std::string_view at(ByteCount offset, std::size_t length);
  /// The read that failed.
  const Status& problem() const { return problem_; }
  /// Whether more was asked for than any honest file needs; nothing is read after that.
  bool spent() const { return spent_; }

 private:
  bool fill(ByteCount offset, std::size_t length);

  ByteCount size_;
  Read read_;
  std::string window_;
  ByteCount window_at_ = 0;
  ByteCount budget_;
  Status problem_;
  bool spent_ = false;
};

/// A part of a file, such as a member of an archive. Copied freely; the file must outlive it.
class View {
 public:
  explicit View(FileBytes& file) : file_(&file), base_(0), size_(file.size()) {}

  ByteCount size() const { return size_; }
  std::string_view at(ByteCount offset, std::size_t length) const {
    return length > size_ || offset > size_ - length ? std::string_view() : file_->at(base_ + offset, length);
  }
  /// The first `length` bytes, or all of them.
  std::string_view head(std::size_t length) const { return at(0, std::min<ByteCount>(length, size_)); }
  /// An empty view where there is no such part.
  View part(ByteCount offset, ByteCount length) const {
    const bool fits = length <= size_ && offset <= size_ - length;
    return fits ? View(*file_, base_ + offset, length) : View(*file_, 0, 0);
  }
  /// Whether what is found out means anything.
  bool sound() const { return file_->problem().ok() && !file_->spent(); }

 private:
  View(FileBytes& file, ByteCount base, ByteCount size) : file_(&file), base_(base), size_(size) {}
  FileBytes* file_;
  ByteCount base_, size_;
};

/// Walks over a view from its beginning. A step beyond the end fails, and so does every one after it: a parser asks `ok` once, at its end,
/// but must ask in each loop.
class Cursor {
 public:
  explicit Cursor(View view, ByteCount at = 0) : view_(view), at_(at) {}

  ByteCount position() const { return at_; }
  ByteCount left() const { return ok_ ? view_.size() - at_ : 0; }
  bool ok() const { return ok_ && view_.sound(); }
  bool at_end() const { return ok() && at_ == view_.size(); }
  const View& view() const { return view_; }

  std::string_view take(std::size_t length) {
    if (!ok_ || length > left()) return failed();
    const std::string_view bytes = view_.at(at_, length);
    if (bytes.size() != length) return failed();
    at_ += length;
    return bytes;
  }
  void skip(ByteCount length) {
    if (!ok_ || length > left()) failed();
    else at_ += length;
  }
  std::uint64_t little(std::size_t width) { return number(width, false); }
  std::uint64_t big(std::size_t width) { return number(width, true); }
  std::uint8_t byte() { return static_cast<std::uint8_t>(little(1)); }
  /// What is ahead, up to `limit` bytes, without taking it.
  std::string_view peek(std::size_t limit) const { return ok_ ? view_.at(at_, std::min<ByteCount>(limit, left())) : std::string_view(); }
  /// The next `length` bytes as a view of their own.
  View part(ByteCount length) {
    const View taken = view_.part(at_, length);
    skip(length);
    return taken;
  }
  void fail() { ok_ = false; }

 private:
  std::string_view failed() {
    ok_ = false;
    return {};
  }
  std::uint64_t number(std::size_t width, bool big_endian) {
    std::uint64_t value = 0;
    const std::string_view bytes = take(width);
    for (std::size_t i = 0; i < bytes.size(); ++i)
      value = value << 8 | static_cast<unsigned char>(bytes[big_endian ? i : bytes.size() - 1 - i]);
    return value;
  }

  View view_;
  ByteCount at_;
  bool ok_ = true;
};

}  // namespace shoal::manifest
