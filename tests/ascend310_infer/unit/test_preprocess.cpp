#include <algorithm>
#include <cmath>

#include "preprocess.h"
#include "resize.h"
#include "unit_test.h"

static infer::Image of_color(int height, int width, std::uint8_t value) {
  infer::Image image(height, width);
  std::fill(image.pixels.begin(), image.pixels.end(), value);
  return image;
}

UNIT_TEST(sizes_that_keep_proportions) {
  using Size = std::pair<int, int>;
  CHECK(infer::fitted_size(100, 50, 64, 96, false) == Size(64, 96));
  CHECK(infer::fitted_size(100, 50, 64, 96, true) == Size(64, 32));
  CHECK(infer::fitted_size(5, 2, 64, 5, true) == Size(12, 5));      // 12.5, to the even number
  CHECK(infer::fitted_size(1000, 1, 64, 96, true) == Size(64, 1));  // never nothing
}

UNIT_TEST(a_scene_lies_in_the_upper_left_and_the_rest_is_the_mean) {
  const infer::NetworkInput input = infer::preprocess_scene(of_color(20, 20, 255), 32, 64, true);
  CHECK(input.channels == 3 && input.height == 32 && input.width == 64 && input.values.size() == 3 * 32 * 64);
  CHECK(std::fabs(input.values[31] - (255 - 123.675) / 58.395) < 1e-5);
  CHECK(input.values[32] == 0.0F && input.values.back() == 0.0F);
}

UNIT_TEST(words_are_stretched_or_filled_up) {
  const infer::NetworkInput stretched = infer::preprocess_word(of_color(10, 90, 255), 32, {100});
  CHECK(stretched.width == 100 && stretched.values.size() == 3200);
  CHECK(std::all_of(stretched.values.begin(), stretched.values.end(), [](float value) { return value == 1.0F; }));
  infer::Image ringed = of_color(32, 40, 0);
  std::fill(ringed.row(0), ringed.row(1), std::uint8_t{255});
  CHECK(infer::preprocess_word(ringed, 32, {48, 100}).width == 48);
  CHECK(infer::preprocess_word(ringed, 32, {20, 36}).width == 36);  // the widest, where none is wide enough
  // Half of the edge is white: the median lies between, rounded down.
  CHECK(infer::preprocess_word(ringed, 32, {48, 100}).values[47] == 127 * (2.0F / 255.0F) - 1.0F);
}

UNIT_TEST(resizing_keeps_colors) {
  for (int size : {1, 3, 7, 8, 16, 33}) {
    const infer::Image small = infer::resize_bilinear(of_color(8, 8, 200), size, size + 2);
    CHECK(std::all_of(small.pixels.begin(), small.pixels.end(), [](int value) { return value == 200; }));
    infer::GrayImage gray(9, 5);
    std::fill(gray.pixels.begin(), gray.pixels.end(), std::uint8_t{77});
    const infer::GrayImage resized = infer::resize_bicubic(gray, size, size + 2);
    CHECK(resized.height == size && resized.width == size + 2);
    CHECK(std::all_of(resized.pixels.begin(), resized.pixels.end(), [](int value) { return value == 77; }));
  }
}

UNIT_TEST(halving_averages_four_pixels) {
  infer::Image image(2, 2);
  for (std::size_t i = 0; i < 12; ++i) image.pixels[i] = static_cast<std::uint8_t>(10 * i);
  const infer::Image small = infer::resize_bilinear(image, 1, 1);
  CHECK((small.pixels == std::vector<std::uint8_t>{45, 55, 65}));
}
