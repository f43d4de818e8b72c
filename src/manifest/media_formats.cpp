// Images, sound and films: walked from part to part up to the end of the file. Decoders execute nothing that is in them.
#include <algorithm>
#include <array>

#include "manifest/recognisers.hpp"

namespace shoal::manifest {
namespace {

using namespace std::string_view_literals;

bool is_png(Cursor at) {
  at.skip(8);
  while (at.ok()) {
    const std::uint64_t length = at.big(4);
    const std::string kind(at.take(4));
    at.skip(length);
    at.skip(4);
    if (kind == "IEND") return at.at_end();
  }
  return false;
}

/// Up to the scan, whose end is the end of the file.
bool is_jpeg(Cursor at) {
  const View bytes = at.view();
  if (bytes.size() < 4 || bytes.at(bytes.size() - 2, 2) != "\xFF\xD9"sv) return false;
  at.skip(2);
  while (at.ok()) {
    if (at.byte() != 0xFF) return false;
    std::uint8_t marker = at.byte();
    while (marker == 0xFF && at.ok()) marker = at.byte();
    if (marker < 0xC0 || marker == 0xD8 || marker == 0xD9) return false;
    if (marker == 0xDA) return at.ok();
    const std::uint64_t length = at.big(2);
    if (length < 2) return false;
    at.skip(length - 2);
  }
  return false;
}

void skip_gif_blocks(Cursor& at) {
  for (std::uint8_t size = at.byte(); size != 0 && at.ok(); size = at.byte()) at.skip(size);
}

ByteCount gif_colours(std::uint8_t flags) { return (flags & 0x80) != 0 ? ByteCount{3} << ((flags & 7) + 1) : 0; }

bool is_gif(Cursor at) {
  at.skip(10);
  const std::uint8_t flags = at.byte();
  at.skip(2);
  at.skip(gif_colours(flags));
  while (at.ok()) {
    const std::uint8_t kind = at.byte();
    if (kind == 0x3B) return at.at_end();
    if (kind == 0x2C) {
      at.skip(8);
      at.skip(gif_colours(at.byte()));
    } else if (kind != 0x21) {
      return false;
    }
    at.skip(1);
    skip_gif_blocks(at);
  }
  return false;
}

/// WebP, WAV, AVI: chunks, padded to even sizes.
bool is_riff(Cursor at) {
  at.skip(4);
  if (at.little(4) + 8 != at.view().size()) return false;
  const std::string kind(at.take(4));
  if (kind != "WAVE" && kind != "WEBP" && kind != "AVI ") return false;
  while (at.ok() && at.left() > 0) {
    at.skip(4);
    const std::uint64_t length = at.little(4);
    at.skip(length);
    if (length % 2 != 0 && at.left() > 0) at.skip(1);
  }
  return at.at_end();
}

/// MP4, M4A, HEIC, AVIF, JPEG 2000: boxes.
bool is_boxes(Cursor at) {
  while (at.ok() && at.left() > 0) {
    std::uint64_t length = at.big(4);
    at.skip(4);
    std::uint64_t header = 8;
    if (length == 1) {
      length = at.big(8);
      header = 16;
    }
    if (length == 0) return at.ok();  // up to the end
    if (length < header) return false;
    at.skip(length - header);
  }
  return at.at_end();
}

bool is_flac(Cursor at) {
  at.skip(4);
  for (bool last = false; !last && at.ok();) {
    last = (at.byte() & 0x80) != 0;
    at.skip(at.big(3));
  }
  return at.big(2) >> 2 == 0xFFF8U >> 2;
}

bool is_ogg(Cursor at) {
  while (at.ok() && at.left() > 0) {
    if (at.take(4) != "OggS"sv || at.byte() != 0) return false;
    at.skip(21);
    const std::uint8_t segments = at.byte();
    ByteCount length = 0;
    for (unsigned char size : std::string(at.take(segments))) length += size;
    at.skip(length);
  }
  return at.at_end();
}

/// Bytes of a frame of MPEG audio, layer III; 0 where it is none.
std::uint64_t mp3_frame(std::uint64_t header) {
  static constexpr std::array<unsigned, 16> first{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0};
  static constexpr std::array<unsigned, 16> later{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0};
  static constexpr std::array<unsigned, 4> rates{44100, 48000, 32000, 0};
  const unsigned version = header >> 19 & 3, layer = header >> 17 & 3, rate = header >> 12 & 15, frequency = header >> 10 & 3;
  if (header >> 21 != 0x7FF || version == 1 || layer != 1 || rates[frequency] == 0) return 0;
  const unsigned bits = (version == 3 ? first : later)[rate] * 1000, samples = version == 3 ? 144 : 72;
  const unsigned hertz = rates[frequency] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
  return bits == 0 ? 0 : samples * bits / hertz + (header >> 9 & 1);
}

/// Frame after frame, with a tag before and tags after them.
bool is_mp3(Cursor at) {
  if (at.peek(3) == "ID3"sv) {
    at.skip(6);
    ByteCount size = 0;
    for (int i = 0; i < 4; ++i) size = size << 7 | (at.byte() & 0x7F);
    at.skip(size);
  }
  int frames = 0;
  while (at.ok() && at.left() >= 4) {
    const std::string_view ahead = at.peek(8);
    if (frames > 0 && (ahead.starts_with("TAG") || ahead == "APETAGEX"sv)) return at.left() < MiB;
    const std::uint64_t length = mp3_frame(Cursor(at).big(4));
    if (length < 4) return false;
    if (length > at.left()) return frames >= 3;  // the last one is often cut
    at.skip(length);
    ++frames;
  }
  return at.ok() && frames >= 3;
}

bool is_bmp(Cursor at) {
  at.skip(2);
  const std::uint64_t size = at.little(4);
  at.skip(8);
  const std::uint64_t header = at.little(4);
  return at.ok() && size == at.view().size() &&
         (header == 12 || header == 40 || header == 52 || header == 56 || header == 108 || header == 124);
}

}  // namespace

Verdict recognise_media(const View& bytes) {
  const std::string head(bytes.head(12));
  const Cursor at(bytes);
  const bool is = head.starts_with("\x89PNG\r\n\x1a\n"sv)                        ? is_png(at)
                  : head.starts_with("\xFF\xD8\xFF"sv)                           ? is_jpeg(at)
                  : head.starts_with("GIF87a"sv) || head.starts_with("GIF89a"sv) ? is_gif(at)
                  : head.starts_with("RIFF"sv)                                   ? is_riff(at)
                  : head.size() == 12 && head.substr(4, 4) == "ftyp"             ? is_boxes(at)
                  : head.starts_with("fLaC"sv)                                   ? is_flac(at)
                  : head.starts_with("OggS"sv)                                   ? is_ogg(at)
                  : head.starts_with("BM"sv)                                     ? is_bmp(at)
                                                                                 : is_mp3(at);
  return is ? good() : Verdict{};
}

}  // namespace shoal::manifest
