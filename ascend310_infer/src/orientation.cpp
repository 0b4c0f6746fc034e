#include "orientation.h"

#include <utility>

namespace infer {
namespace {

constexpr std::uint32_t kOrientationTag = 0x0112;

int checked_orientation(std::uint32_t value) { return value >= 1 && value <= 8 ? static_cast<int>(value) : 1; }

/// Numbers of a TIFF structure in its byte order; `good` turns false when one lies outside.
struct TiffReader {
  const std::uint8_t* data;
  std::size_t size;
  bool big_endian = false;
  bool good = true;

  std::uint32_t number(std::size_t offset, int bytes) {
    if (offset > size || size - offset < static_cast<std::size_t>(bytes)) {
      good = false;
      return 0;
    }
    std::uint32_t value = 0;
    for (int i = 0; i < bytes; ++i) {
      value = value << 8 | data[offset + static_cast<std::size_t>(big_endian ? i : bytes - 1 - i)];
    }
    return value;
  }
};

}  // namespace

std::optional<int> exif_orientation(const std::uint8_t* tiff, std::size_t size) {
  TiffReader reader{tiff, size};
  if (size < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) return std::nullopt;
  // In any order, as Pillow accepts it.
  if ((tiff[2] != 0 || tiff[3] != 42) && (tiff[2] != 42 || tiff[3] != 0)) return std::nullopt;
  reader.big_endian = tiff[0] == 'M';
  const std::size_t directory = reader.number(4, 4);
  const std::uint32_t entries = reader.number(directory, 2);
  for (std::uint32_t i = 0; i < entries && reader.good; ++i) {
    const std::size_t entry = directory + 2 + 12 * static_cast<std::size_t>(i);
    if (reader.number(entry, 2) != kOrientationTag) continue;
    const std::uint32_t type = reader.number(entry + 2, 2);
    const std::uint32_t count = reader.number(entry + 4, 4);
    const bool is_short = type == 3 || type == 8;
    const bool is_long = type == 4 || type == 9;
    const std::uint32_t value = reader.number(entry + 8, is_long ? 4 : 2);
    if (!reader.good) return std::nullopt;
    return count == 1 && (is_short || is_long) ? checked_orientation(value) : 1;
  }
  return std::nullopt;
}

std::optional<int> xmp_orientation(std::string_view xmp) {
  constexpr std::string_view key = "tiff:Orientation";
  for (std::size_t at = xmp.find(key); at != std::string_view::npos; at = xmp.find(key, at + 1)) {
    std::string_view rest = xmp.substr(at + key.size());
    if (rest.substr(0, 2) == "=\"") {
      rest.remove_prefix(2);
    } else if (rest.substr(0, 1) == ">") {
      rest.remove_prefix(1);
    } else {
      continue;
    }
    if (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') {
      return checked_orientation(static_cast<std::uint32_t>(rest[0] - '0'));
    }
  }
  return std::nullopt;
}

Image oriented(Image stored, int orientation) {
  if (orientation <= 1) return stored;
  const int height = stored.height, width = stored.width;
  const bool exchanged = orientation >= 5;
  Image shown(exchanged ? width : height, exchanged ? height : width);
  for (int y = 0; y < shown.height; ++y) {
    std::uint8_t* to = shown.row(y);
    for (int x = 0; x < shown.width; ++x, to += 3) {
      int row = exchanged ? x : y, column = exchanged ? y : x;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) row = height - 1 - row;
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) column = width - 1 - column;
      const std::uint8_t* from = stored.row(row) + 3 * static_cast<std::size_t>(column);
      to[0] = from[0];
      to[1] = from[1];
      to[2] = from[2];
    }
  }
  return shown;
}

}  // namespace infer
