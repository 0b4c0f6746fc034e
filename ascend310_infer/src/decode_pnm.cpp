#include <cctype>

#include "decode_image.h"

namespace infer {
namespace {

/// The next whole number of a PNM header, white space and comments before it skipped.
std::int64_t pnm_number(const std::vector<std::uint8_t>& data, std::size_t& at, const std::string& name) {
  while (at < data.size() && (std::isspace(data[at]) || data[at] == '#')) {
    if (data[at] == '#') {
      while (at < data.size() && data[at] != '\n') ++at;
    } else {
      ++at;
    }
  }
  std::int64_t value = 0;
  const std::size_t start = at;
  for (; at < data.size() && std::isdigit(data[at]) && at - start < 10; ++at) value = 10 * value + (data[at] - '0');
  if (at == start || at >= data.size()) throw ImageError("truncated", name);
  return value;
}

}  // namespace

/// Binary PGM (P5) and PPM (P6) with values up to 255.
Image decode_pnm(const std::vector<std::uint8_t>& data, const std::string& name, std::int64_t max_pixels) {
  const std::size_t channels = data[1] == '6' ? 3 : 1;
  std::size_t at = 2;
  const std::int64_t width = pnm_number(data, at, name), height = pnm_number(data, at, name);
  const std::int64_t largest = pnm_number(data, at, name);
  check_size(height, width, name, max_pixels);
  if (largest != 255) throw ImageError("unsupported", name, "largest value " + std::to_string(largest) + ", not 255");
  ++at;  // one white space before the pixels
  Image image(static_cast<int>(height), static_cast<int>(width));
  const std::size_t count = image.pixels.size() / 3;
  if (at > data.size() || (data.size() - at) / channels < count) throw ImageError("truncated", name);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < 3; ++k) image.pixels[3 * i + k] = data[at + i * channels + (channels == 3 ? k : 0)];
  }
  return image;
}

}  // namespace infer
