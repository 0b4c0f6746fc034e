#include <algorithm>
#include <array>
#include <cmath>

#include "preprocess.h"
#include "resize.h"

namespace infer {
namespace {

constexpr std::array<double, 3> kMean = {123.675, 116.28, 103.53};  // RGB, ImageNet
constexpr std::array<double, 3> kStd = {58.395, 57.12, 57.375};

/// To the nearest whole number, halves to the even one, within 1 to `most`.
int rounded_within(double value, int most) {
  return static_cast<int>(std::clamp(std::nearbyint(value), 1.0, static_cast<double>(most)));
}

}  // namespace

std::pair<int, int> fitted_size(int height, int width, int input_height, int input_width, bool keep_ratio) {
  if (!keep_ratio) return {input_height, input_width};
  const double scale = std::min(static_cast<double>(input_height) / height, static_cast<double>(input_width) / width);
  return {rounded_within(height * scale, input_height), rounded_within(width * scale, input_width)};
}

NetworkInput preprocess_scene(const Image& image, int height, int width, bool keep_ratio) {
  const auto [rows, columns] = fitted_size(image.height, image.width, height, width, keep_ratio);
  const Image fitted = resize_bilinear(image, rows, columns);
  const std::size_t plane_size = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  NetworkInput input{3, height, width, std::vector<float>(3 * plane_size)};  // zero is the mean color
  for (std::size_t channel = 0; channel < 3; ++channel) {
    // Two roundings in float32, as NumPy does it: a product and a difference, never a fused one.
    const float scale = static_cast<float>(1.0 / kStd[channel]);
    const float offset = static_cast<float>(kMean[channel] / kStd[channel]);
    float* plane = input.values.data() + channel * plane_size;
    for (int y = 0; y < rows; ++y) {
      const std::uint8_t* from = fitted.row(y) + channel;
      float* to = plane + static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
      for (int x = 0; x < columns; ++x, from += 3) {
        const float product = static_cast<float>(*from) * scale;
        to[x] = product - offset;
      }
    }
  }
  return input;
}

}  // namespace infer
