#include <algorithm>
#include <fstream>
#include <random>

#include "decode_image.h"
#include "image_files.h"
#include "timing.h"
#include "unit_test.h"

using Bytes = std::vector<std::uint8_t>;

static Bytes bytes(const std::string& text) { return {text.begin(), text.end()}; }

/// Colors of the pixels as hexadecimal digits, rows divided by /.
static std::string shown(const infer::Image& image) {
  std::string text;
  for (int y = 0; y < image.height; ++y) {
    if (y > 0) text += '/';
    for (int i = 0; i < 3 * image.width; ++i) text += "0123456789abcdef"[image.row(y)[i] >> 4];
  }
  return text;
}

static infer::Image decode(const Bytes& data) { return infer::decode_image(data, "a file", 1000); }

/// A BMP of 2 x 2 pixels; `rows` are stored as they are.
static Bytes bmp(int bits, int height, const Bytes& palette, const Bytes& rows) {
  Bytes data(54);
  const auto put = [&](std::size_t at, unsigned value) {
    for (std::size_t i = 0; i < 4; ++i) data[at + i] = static_cast<std::uint8_t>(value >> 8 * i);
  };
  put(10, static_cast<unsigned>(54 + palette.size()));
  put(14, 40);
  put(18, 2);
  put(22, static_cast<unsigned>(height));
  put(26, 1U | static_cast<unsigned>(bits) << 16);
  put(46, static_cast<unsigned>(palette.size() / 4));
  data[0] = 'B';
  data[1] = 'M';
  data.insert(data.end(), palette.begin(), palette.end());
  data.insert(data.end(), rows.begin(), rows.end());
  return data;
}

UNIT_TEST(bmp_files) {
  const Bytes true_color = {0, 0x10, 0x20, 0x30, 0x40, 0x50, 9, 9, 0x60, 0x70, 0x80, 0x90, 0xA0, 0xB0, 9, 9};
  CHECK(shown(decode(bmp(24, 2, {}, true_color))) == "876ba9/210543");
  CHECK(shown(decode(bmp(24, -2, {}, true_color))) == "210543/876ba9");
  const Bytes palette = {0x10, 0x20, 0x30, 0, 0x40, 0x50, 0x60, 0};
  CHECK(shown(decode(bmp(1, 2, palette, {0x40, 0, 0, 0, 0x80, 0, 0, 0}))) == "654321/321654");
  CHECK(shown(decode(bmp(4, 2, palette, {0x01, 0, 0, 0, 0x12, 0, 0, 0}))) == "654000/321654");
  CHECK(shown(decode(bmp(8, 2, palette, {0, 1, 0, 0, 1, 0, 0, 0}))) == "654321/321654");
  CHECK_FAILS(decode(bmp(16, 2, {}, Bytes(8))), "a file: unsupported (BMP with 16 bits");
  CHECK_FAILS(decode(bmp(24, 0, {}, true_color)), "a file: not an image");
}

UNIT_TEST(pnm_files) {
  CHECK(shown(decode(bytes("P6 # a comment\n2 1\n255\n\x10\x20\x30\x40\x50\x60"))) == "123456");
  CHECK(shown(decode(bytes("P5\n2 1 255 \x10\x20"))) == "111222");
  CHECK_FAILS(decode(bytes("P5 2 1 15 ab")), "a file: unsupported (largest value 15");
  CHECK_FAILS(decode(bytes("P5 2 1 255 a")), "a file: truncated");
  CHECK_FAILS(decode(bytes("P6")), "a file: truncated");
}

UNIT_TEST(what_gives_no_image_is_named) {
  CHECK_FAILS(decode({}), "a file: empty file");
  CHECK_FAILS(decode(bytes("some text")), "a file: not an image");
  CHECK_FAILS(decode(bytes("GIF89a......")), "a file: unsupported (GIF; JPEG, PNG");
  CHECK_FAILS(decode({'I', 'I', '*', 0, 0, 0, 0, 0, 0, 0, 0, 0}), "a file: unsupported (TIFF");
  CHECK_FAILS(decode(bytes("G")), "a file: not an image");
  CHECK_FAILS(decode(bytes("RIFF....WEBPVP8 ")), "a file: unsupported (WebP");
  CHECK_FAILS(decode(bytes("P5 100 11 255 ")), "a file: too large (100x11, at most 1000 pixels");
  CHECK_FAILS(decode(bytes("P5 999999999 999999999 255 ")), "a file: too large");
  CHECK_FAILS(infer::read_image_file("/no/such.jpg"), "/no/such.jpg: missing");
  CHECK_FAILS(infer::read_image_file("/"), "/: unreadable");
}

UNIT_TEST(damaged_files_never_do_worse_than_an_error) {
  std::mt19937 random(1);
  const std::vector<Bytes> starts = {bmp(8, 2, Bytes(8), Bytes(8)), bmp(24, 2, {}, Bytes(16)),
                                     bytes("P6 2 1 255 abcdef"), bytes("\xff\xd8\xff\xe0"),
                                     bytes("\x89PNG\r\n\x1a\n")};
  for (const Bytes& start : starts) {
    for (int round = 0; round < 400; ++round) {
      Bytes data = start;
      data.resize(random() % (start.size() + 30));
      for (std::size_t i = start.size(); i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(random());
      for (unsigned i = 0; i < random() % 4 && data.size() > 4; ++i) {
        data[2 + random() % (data.size() - 2)] = static_cast<std::uint8_t>(random());
      }
      try {
        CHECK(decode(data).pixels.size() <= 3000);
      } catch (const infer::ImageError& error) {
        CHECK(std::string(error.what()).find("a file: ") == 0);
      }
    }
  }
}

UNIT_TEST(images_of_a_folder) {
  const auto folder = unit::new_folder();
  std::filesystem::create_directories(folder / "sub.jpg");
  for (const char* name : {"b.PNG", "a.jpeg", "notes.txt", "sub.jpg/c.bmp", "no_ending"})
    std::ofstream(folder / name);
  std::string names;
  for (const auto& image : infer::find_images(folder).images) names += image.name + " ";
  CHECK(names == "a.jpeg b.PNG sub.jpg/c.bmp ");
  CHECK(infer::find_images(folder / "no_ending").images.at(0).name == "no_ending");
  CHECK_FAILS(infer::find_images(folder / "none"), "none' does not exist");
  CHECK_FAILS(infer::find_images(unit::new_folder()), "dataset_path: no image in");
}

UNIT_TEST(times_are_written) {
  infer::Timing timing;
  timing.runs = 4;
  timing.images = 7;
  timing.network = 50;
  std::ifstream file(infer::write_timing(unit::new_folder() / "new", timing));
  std::string line;
  std::getline(file, line);
  CHECK(line == "NN inference cost average time: 12.5 ms of infer_count 4");
  std::getline(file, line);
  CHECK(line == "images: 7, 1 at a time");
}
