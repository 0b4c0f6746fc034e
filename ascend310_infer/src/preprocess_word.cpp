#include <algorithm>
#include <cmath>

#include "preprocess.h"
#include "resize.h"

namespace infer {
namespace {

/// Weights of red, green and blue with 15 bits, as OpenCV has them.
GrayImage as_gray(const Image& image) {
  GrayImage gray(image.height, image.width);
  const std::uint8_t* from = image.pixels.data();
  for (std::uint8_t& to : gray.pixels) {
    to = static_cast<std::uint8_t>((from[0] * 9798 + from[1] * 19235 + from[2] * 3735 + (1 << 14)) >> 15);
    from += 3;
  }
  return gray;
}

int kept_ratio_width(const GrayImage& gray, int height) {
  const double width = static_cast<double>(static_cast<std::int64_t>(gray.width) * height) / gray.height;
  return static_cast<int>(std::clamp(std::nearbyint(width), 1.0, 1e9));
}

/// Median of the upper and the lower edge, a half rounded down.
std::uint8_t edge_median(const GrayImage& gray) {
  std::vector<std::uint8_t> edge(gray.row(0), gray.row(0) + gray.width);
  edge.insert(edge.end(), gray.row(gray.height - 1), gray.row(gray.height - 1) + gray.width);
  std::sort(edge.begin(), edge.end());
  const std::size_t middle = edge.size() / 2;  // the size is even
  return static_cast<std::uint8_t>((edge[middle - 1] + edge[middle]) / 2);
}

}  // namespace

NetworkInput preprocess_word(const Image& image, int height, const std::vector<int>& widths) {
  const GrayImage gray = as_gray(image);
  const int natural = kept_ratio_width(gray, height);
  const auto bucket = std::find_if(widths.begin(), widths.end(), [&](int width) { return width >= natural; });
  const int width = bucket == widths.end() ? widths.back() : *bucket;
  const int fitted = widths.size() > 1 ? std::min(width, natural) : width;
  const GrayImage word = resize_bicubic(gray, height, fitted);
  const std::uint8_t filling = fitted < width ? edge_median(word) : 0;

  NetworkInput input{1, height, width, {}};
  input.values.reserve(static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
  const float scale = static_cast<float>(2.0 / 255.0);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const float product = static_cast<float>(x < fitted ? word.row(y)[x] : filling) * scale;
      input.values.push_back(product - 1.0F);
    }
  }
  return input;
}

}  // namespace infer
