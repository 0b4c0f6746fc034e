#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>

#include "decode_image.h"
#include "orientation.h"
#include "png_chunks.h"
#include "transparency.h"

namespace infer {
namespace {

enum class PngStage { kHeader, kSamples, kEnd };

/// Everything that outlives a jump out of libpng; nothing with a destructor may live in the functions jumped to.
struct PngReading {
  png_structp png = nullptr;
  png_infop info = nullptr;
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  std::size_t position = 0;
  char message[200] = "";
  PngStage stage = PngStage::kHeader;
  bool warned = false;  // of something among the pixels or behind them
  png_uint_32 height = 0, width = 0;
  int depth = 0, color = 0, channels = 0;
  std::vector<std::uint8_t> samples;  // (height, width, channels), one byte a sample, the high one of two
  std::vector<png_bytep> rows;

  ~PngReading() { png_destroy_read_struct(&png, &info, nullptr); }
};

void png_fail(png_structp png, png_const_charp message) {
  PngReading& reading = *static_cast<PngReading*>(png_get_error_ptr(png));
  std::strncpy(reading.message, message, sizeof reading.message - 1);
  std::longjmp(png_jmpbuf(png), 1);
}

void png_warn(png_structp png, png_const_charp) {
  PngReading& reading = *static_cast<PngReading*>(png_get_error_ptr(png));
  if (reading.stage != PngStage::kHeader) reading.warned = true;
}

void png_give(png_structp png, png_bytep to, std::size_t count) {
  PngReading& reading = *static_cast<PngReading*>(png_get_io_ptr(png));
  if (count > reading.size - reading.position) png_error(png, "the file ends before the image does");
  std::memcpy(to, reading.data + reading.position, count);
  reading.position += count;
}

bool read_png_header(PngReading& reading, bool right_checksums) {
  reading.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, png_fail, png_warn);
  if (reading.png == nullptr) throw std::bad_alloc();
  if (setjmp(png_jmpbuf(reading.png))) return false;
  reading.info = png_create_info_struct(reading.png);
  if (reading.info == nullptr) png_error(reading.png, "no memory");
  png_set_user_limits(reading.png, 0x7FFFFFFF, 0x7FFFFFFF);  // `check_size` has the last word
  png_set_read_fn(reading.png, &reading, png_give);
  // Of the two checksums of the pixels one is enough; `sound_png` looks at those of the header and palette.
  png_set_crc_action(reading.png, PNG_CRC_QUIET_USE, PNG_CRC_DEFAULT);
  if (right_checksums) png_set_option(reading.png, PNG_IGNORE_ADLER32, PNG_OPTION_ON);
  png_read_info(reading.png, reading.info);
  int interlace = 0;
  png_get_IHDR(reading.png, reading.info, &reading.width, &reading.height, &reading.depth, &reading.color, &interlace,
               nullptr, nullptr);
  return true;
}

bool start_samples(PngReading& reading) {
  if (setjmp(png_jmpbuf(reading.png))) return false;
  reading.stage = PngStage::kSamples;
  png_set_packing(reading.png);
  png_set_strip_16(reading.png);
  png_set_interlace_handling(reading.png);
  png_read_update_info(reading.png, reading.info);
  reading.channels = png_get_channels(reading.png, reading.info);
  return true;
}

bool read_png_samples(PngReading& reading) {
  if (setjmp(png_jmpbuf(reading.png))) return false;
  png_read_image(reading.png, reading.rows.data());
  reading.stage = PngStage::kEnd;
  png_read_end(reading.png, reading.info);
  return true;
}

int png_orientation(PngReading& reading) {
  std::optional<int> found;
#ifdef PNG_eXIf_SUPPORTED
  png_bytep exif = nullptr;
  png_uint_32 size = 0;
  if (png_get_eXIf_1(reading.png, reading.info, &size, &exif) != 0) found = exif_orientation(exif, size);
#endif
  png_textp texts = nullptr;
  const int count = found ? 0 : png_get_text(reading.png, reading.info, &texts, nullptr);
  for (int i = 0; i < count; ++i) {
    if (std::strcmp(texts[i].key, "XML:com.adobe.xmp") == 0) found = xmp_orientation(texts[i].text);
  }
  return found.value_or(1);
}

/// What the samples mean: a palette, and which color or palette entries are transparent.
struct PngColors {
  png_colorp palette = nullptr;
  int palette_size = 0;
  std::array<std::uint8_t, 256> palette_alpha{};
  bool has_key = false;  // one color is transparent
  std::array<std::uint8_t, 3> key{};
};

PngColors png_colors(PngReading& reading) {
  PngColors colors;
  colors.palette_alpha.fill(255);
  png_get_PLTE(reading.png, reading.info, &colors.palette, &colors.palette_size);
  png_bytep alphas = nullptr;
  int count = 0;
  png_color_16p key = nullptr;
  if (png_get_tRNS(reading.png, reading.info, &alphas, &count, &key) == 0) return colors;
  if (reading.color == PNG_COLOR_TYPE_PALETTE) {
    std::copy_n(alphas, std::min(count, 256), colors.palette_alpha.begin());
  } else if (reading.color == PNG_COLOR_TYPE_RGB) {
    // Pillow compares the low bytes whatever the depth, and pixels must equal those that the network was trained on.
    colors.has_key = true;
    colors.key = {static_cast<std::uint8_t>(key->red), static_cast<std::uint8_t>(key->green),
                  static_cast<std::uint8_t>(key->blue)};
  } else if (reading.depth < 16) {  // gray; Pillow drops it at 16 bits
    const auto gray = reading.depth == 1 ? (key->gray != 0 ? 255 : 0) : key->gray;
    colors.has_key = true;
    colors.key.fill(static_cast<std::uint8_t>(gray));
  }
  return colors;
}

/// Writes red, green and blue; returns alpha.
std::uint8_t png_pixel(const PngReading& reading, const PngColors& colors, const std::uint8_t* from,
                       std::uint8_t* to) {
  unsigned alpha = 255;
  std::array<std::uint8_t, 3> rgb;
  if (reading.color == PNG_COLOR_TYPE_PALETTE) {
    const int index = from[0];
    const png_color color = index < colors.palette_size ? colors.palette[index] : png_color{0, 0, 0};
    rgb = {color.red, color.green, color.blue};
    alpha = colors.palette_alpha[static_cast<std::size_t>(index)];
  } else if (reading.channels <= 2) {
    const int largest = (1 << std::min(reading.depth, 8)) - 1;
    rgb.fill(static_cast<std::uint8_t>(from[0] * 255 / largest));
    if (reading.channels == 2) alpha = from[1];
  } else {
    rgb = {from[0], from[1], from[2]};
    if (reading.channels == 4) alpha = from[3];
  }
  if (colors.has_key && rgb == colors.key) alpha = 0;
  std::copy(rgb.begin(), rgb.end(), to);
  return static_cast<std::uint8_t>(alpha);
}

/// Throws ImageError, also where what is wrong behind the pixels may be wrong in them.
Image decoded_png(const SoundPng& png, const std::vector<std::uint8_t>& data, const std::string& name) {
  PngReading reading;
  reading.data = data.data();
  reading.size = data.size();
  if (!read_png_header(reading, png.right_checksums) || !start_samples(reading))
    throw ImageError("truncated", name, reading.message);
  const std::size_t stride = static_cast<std::size_t>(reading.width) * static_cast<std::size_t>(reading.channels);
  reading.samples.resize(stride * reading.height);
  reading.rows.resize(reading.height);
  for (std::size_t y = 0; y < reading.height; ++y) reading.rows[y] = reading.samples.data() + stride * y;
  if (!read_png_samples(reading) || reading.warned) {
    if (reading.stage != PngStage::kEnd || !has_all_rows(png)) throw ImageError("truncated", name, reading.message);
  }
  const PngColors colors = png_colors(reading);
  Image image(static_cast<int>(reading.height), static_cast<int>(reading.width));
  const std::uint8_t* from = reading.samples.data();
  std::vector<std::uint8_t> alpha(image.pixels.size() / 3);
  for (std::size_t i = 0; i < alpha.size(); ++i, from += reading.channels) {
    alpha[i] = png_pixel(reading, colors, from, image.pixels.data() + 3 * i);
  }
  lay_on_ground(image, alpha);
  return oriented(std::move(image), png_orientation(reading));
}

}  // namespace

Image decode_png(const std::vector<std::uint8_t>& file, const std::string& name, std::int64_t max_pixels) {
  const SoundPng png = sound_png(file, name);
  check_size(png.header.height, png.header.width, name, max_pixels);
  try {
    return decoded_png(png, png.data, name);
  } catch (const ImageError&) {
    const std::vector<std::uint8_t> anew = with_rows_anew(png);
    if (anew.empty()) throw;
    return decoded_png(png, anew, name);
  }
}

}  // namespace infer
