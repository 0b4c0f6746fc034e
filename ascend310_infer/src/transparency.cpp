#include "transparency.h"

#include <algorithm>
#include <cstddef>

namespace infer {
namespace {

/// One color channel laid on a ground.
std::uint8_t on_ground(unsigned value, unsigned alpha, unsigned ground) {
  const unsigned sum = value * alpha + ground * (255u - alpha) + 128u;
  return static_cast<std::uint8_t>(((sum >> 8) + sum) >> 8);
}

/// Whether all pixels within `reach` in each direction are set: a square window, cut off at the borders.
std::vector<std::uint8_t> eroded(const std::vector<std::uint8_t>& set, int height, int width, int reach) {
  // Along rows, then along columns: how many set pixels in a row end here.
  const auto pass = [reach](const std::vector<std::uint8_t>& from, int lines, int length, int line_step, int step) {
    std::vector<std::uint8_t> to(from.size());
    for (int line = 0; line < lines; ++line) {
      const std::size_t start = static_cast<std::size_t>(line) * static_cast<std::size_t>(line_step);
      int run = reach;  // beyond the border stands what is at the border
      for (int i = 0; i < length + reach; ++i) {
        const int inside = std::min(i, length - 1);
        run = from[start + static_cast<std::size_t>(inside) * static_cast<std::size_t>(step)] != 0 ? run + 1 : 0;
        if (i >= reach) {
          to[start + static_cast<std::size_t>(i - reach) * static_cast<std::size_t>(step)] = run > 2 * reach;
        }
      }
    }
    return to;
  };
  return pass(pass(set, height, width, width, 1), width, height, 1, width);
}

/// 255 or 0: the ground that hides less of the opaque pixels near to transparent ones, as `on_ground` in Python.
unsigned ground_of(const Image& image, const std::vector<std::uint8_t>& alpha) {
  constexpr int near = 7, dark = 96, bright = 160;
  const int most = *std::max_element(alpha.begin(), alpha.end());
  std::vector<std::uint8_t> opaque(alpha.size());
  std::transform(alpha.begin(), alpha.end(), opaque.begin(), [most](int value) { return 2 * value > most; });
  const std::vector<std::uint8_t> inner = eroded(opaque, image.height, image.width, near);
  const bool has_edges = opaque != inner;
  std::size_t dark_count = 0, bright_count = 0;
  for (std::size_t i = 0; i < opaque.size(); ++i) {
    if (opaque[i] == 0 || (has_edges && inner[i] != 0)) continue;
    const std::uint8_t* rgb = image.pixels.data() + 3 * i;
    const int gray = (9798 * rgb[0] + 19235 * rgb[1] + 3735 * rgb[2] + (1 << 14)) >> 15;
    dark_count += gray < dark;
    bright_count += gray > bright;
  }
  return bright_count > dark_count ? 0 : 255;
}

}  // namespace

void lay_on_ground(Image& image, const std::vector<std::uint8_t>& alpha) {
  if (std::all_of(alpha.begin(), alpha.end(), [](int value) { return value == 255; })) return;
  const unsigned ground = ground_of(image, alpha);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = on_ground(image.pixels[i], alpha[i / 3], ground);
  }
}

}  // namespace infer
