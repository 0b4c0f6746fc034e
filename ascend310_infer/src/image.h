#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace infer {

/// 8-bit RGB image; `pixels` are (height, width, 3), row by row.
struct Image {
  int height = 0;
  int width = 0;
  std::vector<std::uint8_t> pixels;

  Image() = default;
  Image(int height, int width)
      : height(height),
        width(width),
        pixels(3 * static_cast<std::size_t>(height) * static_cast<std::size_t>(width)) {}

  std::uint8_t* row(int y) {
    return pixels.data() + 3 * static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
  }
  const std::uint8_t* row(int y) const {
    return pixels.data() + 3 * static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
  }
};

/// 8-bit gray image; `pixels` are (height, width).
struct GrayImage {
  int height = 0;
  int width = 0;
  std::vector<std::uint8_t> pixels;

  GrayImage() = default;
  GrayImage(int height, int width)
      : height(height), width(width), pixels(static_cast<std::size_t>(height) * static_cast<std::size_t>(width)) {}

  std::uint8_t* row(int y) { return pixels.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width); }
  const std::uint8_t* row(int y) const {
    return pixels.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
  }
};

}  // namespace infer
