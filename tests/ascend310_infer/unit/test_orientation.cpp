#include <string>

#include "orientation.h"
#include "unit_test.h"

using Bytes = std::vector<std::uint8_t>;

static Bytes number(unsigned value, int bytes, bool big) {
  Bytes text;
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<std::uint8_t>(value >> 8 * (big ? bytes - 1 - i : i)));
  return text;
}

static void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

/// A TIFF block with one other entry and the orientation.
static Bytes exif(bool big, unsigned value, unsigned type = 3, unsigned count = 1) {
  Bytes block = big ? Bytes{'M', 'M', 0, 42} : Bytes{'I', 'I', 42, 0};
  append(block, number(8, 4, big));
  append(block, number(2, 2, big));
  for (unsigned tag : {0x0100U, 0x0112U}) {
    append(block, number(tag, 2, big));
    append(block, number(type, 2, big));
    append(block, number(count, 4, big));
    append(block, number(value, type == 4 ? 4 : 2, big));
    if (type != 4) append(block, {0, 0});
  }
  return block;
}

static std::optional<int> read(const Bytes& block) { return infer::exif_orientation(block.data(), block.size()); }

UNIT_TEST(both_byte_orders) {
  for (bool big : {false, true}) {
    for (unsigned value = 1; value <= 8; ++value) CHECK(read(exif(big, value)) == static_cast<int>(value));
    CHECK(read(exif(big, 6, 4)) == 6);
    CHECK(read(exif(big, 0)) == 1 && read(exif(big, 9)) == 1);
    CHECK(read(exif(big, 6, 2)) == 1 && read(exif(big, 6, 3, 2)) == 1);
  }
}

UNIT_TEST(a_block_that_is_cut_or_damaged_has_none) {
  const Bytes whole = exif(true, 6);
  for (std::size_t size = 0; size < whole.size() - 2; ++size) {
    CHECK(!read(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))));
  }
  Bytes far = exif(false, 6);
  far[4] = far[5] = far[6] = far[7] = 0xFF;
  CHECK(!read(far));
  CHECK(!read({'X', 'X', 0, 42, 0, 0, 0, 8, 0, 0}));
}

UNIT_TEST(xmp_packets) {
  CHECK(infer::xmp_orientation("<x tiff:Orientation=\"6\"/>") == 6);
  CHECK(infer::xmp_orientation("<tiff:Orientation>8</tiff:Orientation>") == 8);
  CHECK(infer::xmp_orientation("<tiff:Orientation>9</tiff:Orientation>") == 1);
  CHECK(!infer::xmp_orientation("tiff:Orientation tiff:Orientation=") && !infer::xmp_orientation(""));
}

/// Pixels 1 2 3 / 4 5 6 shown with each orientation.
UNIT_TEST(images_are_turned) {
  infer::Image stored(2, 3);
  for (std::size_t i = 0; i < 6; ++i) stored.pixels[3 * i] = static_cast<std::uint8_t>(i + 1);
  const std::vector<std::string> expected = {"",         "123/456",  "321/654",  "654/321", "456/123",
                                             "14/25/36", "41/52/63", "63/52/41", "36/25/14"};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const infer::Image shown = infer::oriented(stored, orientation);
    std::string text;
    for (int y = 0; y < shown.height; ++y) {
      if (y > 0) text += '/';
      for (int x = 0; x < shown.width; ++x) text += static_cast<char>('0' + shown.row(y)[3 * x]);
    }
    CHECK(text == expected[static_cast<std::size_t>(orientation)]);
  }
}
