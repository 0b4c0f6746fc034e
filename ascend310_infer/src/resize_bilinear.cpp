#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "resize.h"

namespace infer {
namespace {

constexpr int kOne = 2048;  // a weight of 1

/// For each output position the two source positions and their weights.
struct LinearTaps {
  std::vector<int> first, second;
  std::vector<int> first_weight, second_weight;
};

/// `clamp_weights`: positions beyond the edge take the edge alone; otherwise both taps are moved to the edge and
/// keep their weights. OpenCV does the former for columns and the latter for rows, which rounds differently.
LinearTaps linear_taps(int from, int to, bool clamp_weights) {
  LinearTaps taps;
  const double scale = 1.0 / (static_cast<double>(to) / from);
  for (int i = 0; i < to; ++i) {
    float position = static_cast<float>((i + 0.5) * scale - 0.5);
    int start = static_cast<int>(std::floor(position));
    position -= static_cast<float>(start);
    if (clamp_weights && (start < 0 || start >= from - 1)) {
      start = start < 0 ? 0 : from - 1;
      position = 0;
    }
    taps.first.push_back(std::clamp(start, 0, from - 1));
    taps.second.push_back(std::clamp(start + 1, 0, from - 1));
    taps.first_weight.push_back(static_cast<int>(std::lrint((1.0F - position) * kOne)));
    taps.second_weight.push_back(static_cast<int>(std::lrint(position * kOne)));
  }
  return taps;
}

Image halved(const Image& image) {
  Image small(image.height / 2, image.width / 2);
  for (int y = 0; y < small.height; ++y) {
    const std::uint8_t* upper = image.row(2 * y);
    const std::uint8_t* lower = image.row(2 * y + 1);
    std::uint8_t* to = small.row(y);
    for (int x = 0; x < small.width; ++x, upper += 6, lower += 6, to += 3) {
      for (int k = 0; k < 3; ++k) {
        to[k] = static_cast<std::uint8_t>((upper[k] + upper[k + 3] + lower[k] + lower[k + 3] + 2) >> 2);
      }
    }
  }
  return small;
}

/// One source row (width, 3) at the output width, scaled by kOne.
void stretch_row(const std::uint8_t* from, const LinearTaps& columns, std::vector<int>& to) {
  const std::size_t width = columns.first.size();
  for (std::size_t x = 0; x < width; ++x) {
    const std::uint8_t* left = from + 3 * static_cast<std::size_t>(columns.first[x]);
    const std::uint8_t* right = from + 3 * static_cast<std::size_t>(columns.second[x]);
    for (std::size_t k = 0; k < 3; ++k) {
      to[3 * x + k] = left[k] * columns.first_weight[x] + right[k] * columns.second_weight[x];
    }
  }
}

}  // namespace

Image resize_bilinear(const Image& image, int height, int width) {
  if (image.height == height && image.width == width) return image;
  if (image.height == 2 * height && image.width == 2 * width) return halved(image);
  const LinearTaps columns = linear_taps(image.width, width, true), rows = linear_taps(image.height, height, false);
  const std::size_t stride = 3 * static_cast<std::size_t>(width);
  std::vector<int> upper(stride), lower(stride);
  int upper_row = -1, lower_row = -1;  // source rows that the two buffers hold
  Image resized(height, width);
  for (int y = 0; y < height; ++y) {
    const auto index = static_cast<std::size_t>(y);
    const int first = rows.first[index], second = rows.second[index];
    if (first == lower_row) {
      std::swap(upper, lower);
      std::swap(upper_row, lower_row);
    }
    if (first != upper_row) stretch_row(image.row(first), columns, upper);
    upper_row = first;
    if (second != lower_row) stretch_row(image.row(second), columns, lower);
    lower_row = second;
    const int upper_weight = rows.first_weight[index], lower_weight = rows.second_weight[index];
    std::uint8_t* to = resized.row(y);
    for (std::size_t i = 0; i < stride; ++i) {
      const int sum = ((upper_weight * (upper[i] >> 4)) >> 16) + ((lower_weight * (lower[i] >> 4)) >> 16);
      to[i] = static_cast<std::uint8_t>((sum + 2) >> 2);
    }
  }
  return resized;
}

}  // namespace infer
