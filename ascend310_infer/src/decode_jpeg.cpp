#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>

// jpeglib.h needs FILE and size_t to be declared before it.
#include <jpeglib.h>

#include "decode_image.h"
#include "orientation.h"

namespace infer {
namespace {

/// Everything that outlives a jump out of libjpeg; nothing with a destructor may live in the function jumped to.
struct JpegReading {
  jpeg_decompress_struct decoder{};
  jpeg_error_mgr errors{};
  jpeg_source_mgr source{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump{};
  char message[JMSG_LENGTH_MAX] = "";
  bool ended = false;        // more was wanted than the file holds
  bool ended_early = false;  // and not only behind the last row
  bool too_many_scans = false;
  std::int64_t height = 0, width = 0;
  std::vector<std::uint8_t> samples;  // (height, width, components) as libjpeg gives them

  ~JpegReading() { jpeg_destroy_decompress(&decoder); }
};

const JOCTET kEndOfImage[] = {0xFF, JPEG_EOI};

JpegReading& reading_of(j_common_ptr decoder) { return *static_cast<JpegReading*>(decoder->client_data); }

void jump_out(j_common_ptr decoder) {
  JpegReading& reading = reading_of(decoder);
  decoder->err->format_message(decoder, reading.message);
  std::longjmp(reading.jump, 1);
}

void count_warnings(j_common_ptr decoder, int level) {
  if (level < 0) ++decoder->err->num_warnings;
}

/// Every scan is a pass over the whole image: a small file in thousands of them takes minutes.
void stop_after_many_scans(j_common_ptr common) {
  constexpr int most_scans = 100;
  if (reinterpret_cast<j_decompress_ptr>(common)->input_scan_number <= most_scans) return;
  JpegReading& reading = reading_of(common);
  reading.too_many_scans = true;
  std::longjmp(reading.jump, 1);
}

void do_nothing(j_decompress_ptr) {}

boolean give_end_of_image(j_decompress_ptr decoder) {
  reading_of(reinterpret_cast<j_common_ptr>(decoder)).ended = true;
  decoder->src->next_input_byte = kEndOfImage;
  decoder->src->bytes_in_buffer = sizeof kEndOfImage;
  return TRUE;
}

void skip_bytes(j_decompress_ptr decoder, long count) {
  if (count <= 0) return;
  const std::size_t left = decoder->src->bytes_in_buffer;
  if (static_cast<std::size_t>(count) > left) {
    give_end_of_image(decoder);
    return;
  }
  decoder->src->next_input_byte += count;
  decoder->src->bytes_in_buffer -= static_cast<std::size_t>(count);
}

/// Read everything up to the image data; false with a message after an error.
bool read_header(JpegReading& reading, const std::uint8_t* data, std::size_t size) {
  jpeg_decompress_struct& decoder = reading.decoder;
  decoder.err = jpeg_std_error(&reading.errors);
  decoder.client_data = &reading;
  reading.errors.error_exit = jump_out;
  reading.errors.emit_message = count_warnings;
  if (setjmp(reading.jump)) return false;
  jpeg_create_decompress(&decoder);
  reading.source.init_source = do_nothing;
  reading.source.fill_input_buffer = give_end_of_image;
  reading.source.skip_input_data = skip_bytes;
  reading.source.resync_to_restart = jpeg_resync_to_restart;
  reading.source.term_source = do_nothing;
  reading.source.next_input_byte = data;
  reading.source.bytes_in_buffer = size;
  decoder.src = &reading.source;
  reading.progress.progress_monitor = stop_after_many_scans;
  decoder.progress = &reading.progress;
  jpeg_save_markers(&decoder, JPEG_APP0 + 1, 0xFFFF);
  jpeg_read_header(&decoder, TRUE);
  reading.height = decoder.image_height;
  reading.width = decoder.image_width;
  return true;
}

/// Decode into `samples`, which has its size already; false with a message after an error.
bool read_samples(JpegReading& reading) {
  jpeg_decompress_struct& decoder = reading.decoder;
  if (setjmp(reading.jump)) return false;
  jpeg_start_decompress(&decoder);
  const std::size_t stride = static_cast<std::size_t>(reading.width) * decoder.num_components;
  while (decoder.output_scanline < decoder.output_height) {
    JSAMPROW row = reading.samples.data() + stride * decoder.output_scanline;
    jpeg_read_scanlines(&decoder, &row, 1);
  }
  reading.ended_early = reading.ended;
  // What stands between the pixels and the end marker must be sound, too. Not by jpeg_finish_decompress, which lets
  // go of the metadata.
  while (jpeg_consume_input(&decoder) != JPEG_REACHED_EOI) {
  }
  return true;
}

int stored_orientation(const jpeg_decompress_struct& decoder) {
  constexpr char exif[] = "Exif\0";  // and the end of the literal: six bytes
  constexpr char xmp[] = "http://ns.adobe.com/xap/1.0/";
  std::optional<int> found, fallback;
  for (const jpeg_marker_struct* marker = decoder.marker_list; marker != nullptr; marker = marker->next) {
    const std::size_t size = marker->data_length;
    if (!found && size > sizeof exif && std::memcmp(marker->data, exif, sizeof exif) == 0) {
      found = exif_orientation(marker->data + sizeof exif, size - sizeof exif);
    } else if (size > sizeof xmp && std::memcmp(marker->data, xmp, sizeof xmp) == 0) {
      fallback = xmp_orientation({reinterpret_cast<const char*>(marker->data) + sizeof xmp, size - sizeof xmp});
    }
  }
  return found.value_or(fallback.value_or(1));
}

/// a * b / 255, rounded.
unsigned scaled(unsigned a, unsigned b) {
  const unsigned product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/// Samples of `components` channels as RGB. Four are CMYK as Adobe stores it, inverted.
Image jpeg_as_rgb(const JpegReading& reading, int components) {
  Image image(static_cast<int>(reading.height), static_cast<int>(reading.width));
  const std::uint8_t* from = reading.samples.data();
  std::uint8_t* to = image.pixels.data();
  const std::size_t count = image.pixels.size() / 3;
  for (std::size_t i = 0; i < count; ++i, from += components, to += 3) {
    if (components == 4) {
      const unsigned black = from[3];  // inverted: 255 is no black
      for (int k = 0; k < 3; ++k) to[k] = static_cast<std::uint8_t>(black - scaled(255u - from[k], black));
    } else {
      to[0] = to[1] = to[2] = from[0];
    }
  }
  return image;
}

/// The whole file. Throws ImageError.
void read_jpeg(JpegReading& reading, const std::vector<std::uint8_t>& data, const std::string& name,
               std::int64_t max_pixels) {
  if (!read_header(reading, data.data(), data.size())) throw ImageError("truncated", name, reading.message);
  check_size(reading.height, reading.width, name, max_pixels);
  const int components = reading.decoder.num_components;
  if (components != 1 && components != 3 && components != 4) {
    throw ImageError("unsupported", name, std::to_string(components) + " components");
  }
  reading.decoder.out_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
  reading.samples.resize(static_cast<std::size_t>(reading.height * reading.width) *
                         static_cast<std::size_t>(components));
  const bool done = read_samples(reading);
  if (reading.too_many_scans) throw ImageError("unsupported", name, "a JPEG of more than 100 scans");
  if (!done) throw ImageError("truncated", name, reading.message);
  if (reading.ended_early) throw ImageError("truncated", name, "the file ends before the image does");
}

Image image_of(JpegReading& reading) {
  const int components = reading.decoder.num_components, orientation = stored_orientation(reading.decoder);
  if (components != 3) return oriented(jpeg_as_rgb(reading, components), orientation);
  Image image;
  image.height = static_cast<int>(reading.height);
  image.width = static_cast<int>(reading.width);
  image.pixels = std::move(reading.samples);
  return oriented(std::move(image), orientation);
}

/// Whether no scan of a progressive image is missing that would make it finer.
bool has_all_scans(const jpeg_decompress_struct& decoder) {
  if (decoder.coef_bits == nullptr) return true;
  for (int component = 0; component < decoder.num_components; ++component) {
    const int* bits = decoder.coef_bits[component];
    if (std::any_of(bits, bits + DCTSIZE2, [](int left) { return left != 0; })) return false;
  }
  return true;
}

/// What the file may have been, if nothing but its end marker is missing or was overwritten with zeros.
std::vector<std::vector<std::uint8_t>> completed(const std::vector<std::uint8_t>& data) {
  const auto zeros = std::find_if(data.rbegin(), data.rend(), [](std::uint8_t byte) { return byte != 0; });
  std::vector<std::vector<std::uint8_t>> candidates = {
      data, {data.begin(), zeros.base()}, {data.begin(), zeros.base()}};
  candidates.back().push_back(0);
  if (!data.empty() && data.back() == 0xFF) candidates.emplace_back(data.begin(), data.end() - 1);
  for (auto& candidate : candidates)
    candidate.insert(candidate.end(), std::begin(kEndOfImage), std::end(kEndOfImage));
  return candidates;
}

}  // namespace

Image decode_jpeg(const std::vector<std::uint8_t>& data, const std::string& name, std::int64_t max_pixels) {
  try {
    JpegReading reading;
    read_jpeg(reading, data, name, max_pixels);
    return image_of(reading);
  } catch (const ImageError& error) {
    if (error.reason() != "truncated") throw;
    for (const auto& candidate : completed(data)) {
      JpegReading reading;
      try {
        read_jpeg(reading, candidate, name, max_pixels);
      } catch (const ImageError&) {
        continue;
      }
      if (reading.errors.num_warnings == 0 && has_all_scans(reading.decoder)) return image_of(reading);
    }
    throw;
  }
}

}  // namespace infer
