#include <atomic>
#include <chrono>
#include <stdexcept>

#include "image_loader.h"
#include "unit_test.h"

using infer::ImageLoader;
using infer::LoadedImage;

static LoadedImage numbered(std::size_t index) {
  LoadedImage image;
  image.index = index;
  return image;
}

UNIT_TEST(images_come_in_order_whatever_they_take) {
  ImageLoader loader(60, 4, 9, [](std::size_t index) {
    if (index % 7 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(3));
    return numbered(index);
  });
  for (std::size_t expected = 0; expected < 60; ++expected) CHECK(loader.next()->index == expected);
  CHECK(!loader.next());
  CHECK(!loader.next());
}

UNIT_TEST(it_does_not_run_ahead) {
  std::atomic<std::size_t> loaded{0};
  ImageLoader loader(100, 3, 5, [&](std::size_t index) {
    ++loaded;
    return numbered(index);
  });
  loader.next();
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  CHECK(loaded <= 6);
}

UNIT_TEST(a_failure_comes_out_where_the_image_would) {
  ImageLoader loader(10, 2, 4, [](std::size_t index) {
    if (index == 3) throw std::runtime_error("no memory");
    return numbered(index);
  });
  std::string said;
  try {
    while (loader.next()) continue;
  } catch (const std::runtime_error& error) {
    said = error.what();
  }
  CHECK(said == "no memory");
}

UNIT_TEST(it_can_be_left_before_the_end) {
  ImageLoader loader(1000, 3, 4, numbered);
  CHECK(loader.next()->index == 0);
}

UNIT_TEST(no_images) {
  ImageLoader loader(0, 2, 4, numbered);
  CHECK(!loader.next());
}
