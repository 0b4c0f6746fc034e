#include <algorithm>
#include <array>

#include "decode_image.h"

namespace infer {
namespace {

constexpr std::size_t kFileHeader = 14;

std::uint32_t bmp_number(const std::vector<std::uint8_t>& data, std::size_t offset, int bytes) {
  std::uint32_t value = 0;
  for (int i = bytes - 1; i >= 0; --i) value = value << 8 | data[offset + static_cast<std::size_t>(i)];
  return value;
}

}  // namespace

/// Uncompressed BMP with 1, 4, 8, 24 or 32 bits per pixel.
Image decode_bmp(const std::vector<std::uint8_t>& data, const std::string& name, std::int64_t max_pixels) {
  if (data.size() < kFileHeader + 40) throw ImageError("truncated", name);
  std::size_t pixels_at = bmp_number(data, 10, 4);
  const std::size_t header = bmp_number(data, kFileHeader, 4);
  if (header != 40 && header != 52 && header != 56 && header != 64 && header != 108 && header != 124) {
    throw ImageError("unsupported", name, "BMP header of " + std::to_string(header) + " bytes");
  }
  const std::int64_t width = bmp_number(data, 18, 4);
  const std::int64_t rows = static_cast<std::int32_t>(bmp_number(data, 22, 4));
  const std::int64_t height = rows < 0 ? -rows : rows;  // negative: the upper row is stored first
  const unsigned bits = bmp_number(data, 28, 2), compression = bmp_number(data, 30, 4);
  check_size(height, width, name, max_pixels);
  if (compression != 0 || (bits != 1 && bits != 4 && bits != 8 && bits != 24 && bits != 32)) {
    throw ImageError("unsupported", name,
                     "BMP with " + std::to_string(bits) + " bits, compression " + std::to_string(compression));
  }
  std::array<std::array<std::uint8_t, 3>, 256> palette{};  // RGB
  if (bits <= 8) {
    std::size_t colors = bmp_number(data, 46, 4);
    const std::size_t most = std::size_t{1} << bits, palette_at = kFileHeader + header;
    if (colors == 0) colors = most;
    if (colors > 65536) throw ImageError("unsupported", name, "a palette of " + std::to_string(colors) + " colors");
    if (pixels_at == palette_at || pixels_at == 0) pixels_at = palette_at + 4 * colors;
    const std::size_t there = palette_at < data.size() ? (data.size() - palette_at) / 4 : 0;
    if (std::min(colors, there) > palette.size()) throw ImageError("truncated", name, "invalid palette size");
    colors = std::min(colors, there);
    for (std::size_t i = 0; i < colors; ++i) {
      for (std::size_t k = 0; k < 3; ++k) palette[i][k] = data[palette_at + 4 * i + 2 - k];
    }
  }
  if (pixels_at == 0) pixels_at = kFileHeader + header;
  const std::size_t used = (static_cast<std::size_t>(width) * bits + 7) / 8, stride = (used + 3) / 4 * 4;
  // What fills the last row up holds no pixel.
  if (pixels_at > data.size() ||
      (data.size() - pixels_at + stride - used) / stride < static_cast<std::size_t>(height)) {
    throw ImageError("truncated", name);
  }
  Image image(static_cast<int>(height), static_cast<int>(width));
  for (int y = 0; y < image.height; ++y) {
    const std::size_t stored = static_cast<std::size_t>(rows < 0 ? y : image.height - 1 - y);
    const std::uint8_t* from = data.data() + pixels_at + stride * stored;
    std::uint8_t* to = image.row(y);
    for (std::size_t x = 0; x < static_cast<std::size_t>(width); ++x, to += 3) {
      if (bits >= 24) {
        const std::uint8_t* bgr = from + x * (bits / 8);
        for (std::size_t k = 0; k < 3; ++k) to[k] = bgr[2 - k];
      } else {
        const std::size_t bit = x * bits;
        const unsigned index = static_cast<unsigned>(from[bit / 8]) >> (8 - bits - bit % 8) & ((1u << bits) - 1);
        for (std::size_t k = 0; k < 3; ++k) to[k] = palette[index][k];
      }
    }
  }
  return image;
}

}  // namespace infer
