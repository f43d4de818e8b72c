// Plans the fetch of one piece from a single machine, beside the engine's own requests. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace shoal::fanout {

/// Tracks which blocks to request and which have arrived. Few requests are outstanding at a time, so other answers of the peer are not held
/// up.
class SoloFetch {
 public:
  struct Request {
    std::uint32_t start = 0;
    std::uint32_t length = 0;
  };
  /// `size` is the piece's length as the engine knows it, `bytes` the part that belongs to files. The rest is padding and is not requested.
  SoloFetch(std::uint32_t piece, std::uint32_t size, std::uint32_t bytes, SteadyTime now);

  std::uint32_t piece() const { return piece_; }
  /// The requests to send now.
  std::vector<Request> next();
  /// A block has arrived from the machine. Returns false if it was not requested or has another length.
  bool take(std::uint32_t start, std::string_view block, SteadyTime now);
  bool is_whole() const { return missing_ == 0; }
  /// The file's bytes in the piece, once it is whole.
  std::string_view bytes() const { return std::string_view(data_).substr(0, bytes_); }
  /// Whether nothing has arrived for so long that another machine should be tried.
  bool has_stalled(SteadyTime now) const { return now - last_ >= patience; }

  static constexpr std::chrono::seconds patience{15};

 private:
  enum class Block : std::uint8_t { open, asked, here };
  std::uint32_t length(std::size_t block) const;

  const std::uint32_t piece_, size_, bytes_;
  std::string data_;
  std::vector<Block> blocks_;
  std::size_t missing_, under_way_ = 0;
  SteadyTime last_;
};

}  // namespace shoal::fanout
