#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "resize.h"

namespace infer {
namespace {

constexpr int kWeightBits = 22;  // 32 less 8 of the pixels and 2 of head room
constexpr double kSupport = 2.0;

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::fabs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

/// The source positions that make one output position, and their weights.
struct CubicTaps {
  int start = 0;
  std::vector<int> weights;
};

std::vector<CubicTaps> cubic_taps(int from, int to) {
  const double scale = static_cast<double>(from) / to;
  const double spread = std::max(scale, 1.0);
  const double support = kSupport * spread;
  std::vector<CubicTaps> taps(static_cast<std::size_t>(to));
  for (int i = 0; i < to; ++i) {
    const double center = (i + 0.5) * scale;
    const int start = std::max(static_cast<int>(center - support + 0.5), 0);
    const int end = std::min(static_cast<int>(center + support + 0.5), from);
    std::vector<double> weights;
    double total = 0;
    for (int j = start; j < end; ++j) {
      weights.push_back(cubic((j - center + 0.5) * (1.0 / spread)));
      total += weights.back();
    }
    CubicTaps& of_position = taps[static_cast<std::size_t>(i)];
    of_position.start = start;
    for (double weight : weights) {
      const double scaled = (total != 0 ? weight / total : weight) * (1 << kWeightBits);
      of_position.weights.push_back(static_cast<int>(scaled < 0 ? scaled - 0.5 : scaled + 0.5));
    }
  }
  return taps;
}

/// Weighted sum of pixels that lie `step` bytes apart, rounded and cut to 8 bits.
std::uint8_t weighted(const std::uint8_t* from, std::size_t step, const std::vector<int>& weights) {
  int sum = 1 << (kWeightBits - 1);
  for (int weight : weights) {
    sum += *from * weight;
    from += step;
  }
  return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

GrayImage resized_columns(const GrayImage& image, int width) {
  if (image.width == width) return image;
  const std::vector<CubicTaps> taps = cubic_taps(image.width, width);
  GrayImage resized(image.height, width);
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* to = resized.row(y);
    for (const CubicTaps& tap : taps) *to++ = weighted(image.row(y) + tap.start, 1, tap.weights);
  }
  return resized;
}

GrayImage resized_rows(const GrayImage& image, int height) {
  if (image.height == height) return image;
  const std::vector<CubicTaps> taps = cubic_taps(image.height, height);
  const auto step = static_cast<std::size_t>(image.width);
  GrayImage resized(height, image.width);
  for (int y = 0; y < height; ++y) {
    const CubicTaps& tap = taps[static_cast<std::size_t>(y)];
    const std::uint8_t* from = image.row(tap.start);
    std::uint8_t* to = resized.row(y);
    for (int x = 0; x < image.width; ++x) to[x] = weighted(from + x, step, tap.weights);
  }
  return resized;
}

}  // namespace

GrayImage resize_bicubic(const GrayImage& image, int height, int width) {
  // The values are rounded between the passes, so their order shows; this is how Pillow 13 chooses it.
  const int fewer_rows = image.height - height, fewer_columns = image.width - width;
  if (fewer_rows > 0 && fewer_rows > 2 * fewer_columns) return resized_columns(resized_rows(image, height), width);
  return resized_rows(resized_columns(image, width), height);
}

}  // namespace infer
