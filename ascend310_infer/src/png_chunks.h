#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace infer {

/// Content of the chunk IHDR.
struct PngHeader {
  std::int64_t width = 0, height = 0;
  int depth = 0, color = 0;
  bool interlaced = false;
};

/// What a decoder is given of a PNG file, as src/data/images/png.py defines it.
struct SoundPng {
  PngHeader header;
  std::vector<std::uint8_t> data;    ///< the file without what is damaged or ambiguous outside its pixels
  std::vector<std::uint8_t> pixels;  ///< their compressed stream
  bool right_checksums = true;       ///< of the chunks of the pixels
};

/// Throws ImageError where header or palette are damaged or missing, or there are no pixels.
SoundPng sound_png(const std::vector<std::uint8_t>& file, const std::string& name);

/// Whether all rows come out of the stream and it is not wrong, though it may be cut off behind them. Its own
/// checksum counts only where one of the file's is wrong.
bool has_all_rows(const SoundPng& png);

/// The file with its pixels compressed anew, without what is wrong behind them; empty where some are missing.
std::vector<std::uint8_t> with_rows_anew(const SoundPng& png);

}  // namespace infer
