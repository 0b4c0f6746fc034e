#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "errors.h"
#include "image.h"

namespace infer {

/// The bytes of a file; ImageError "missing", "unreadable" or "empty file" otherwise.
std::vector<std::uint8_t> read_image_file(const std::filesystem::path& path);

/// JPEG, PNG, BMP or PPM/PGM -> the upright 8-bit RGB image a viewer shows.
///
/// The same pixels as `decode_image` of src/data/images/decode.py: EXIF orientation applied, transparency on white,
/// high byte of 16-bit samples, gray, palette and CMYK as RGB. Sizes above `max_pixels` are refused in the header.
/// `name` stands for the file in messages. Throws ImageError, "unsupported" with the name of the format for those
/// that Python reads and this does not: a further library for each would have to be there on every device.
Image decode_image(const std::vector<std::uint8_t>& data, const std::string& name, std::int64_t max_pixels);

/// ImageError "too large" or "not an image" for a size that is not accepted; decoders call it once they know it.
void check_size(std::int64_t height, std::int64_t width, const std::string& name, std::int64_t max_pixels);

Image decode_jpeg(const std::vector<std::uint8_t>& data, const std::string& name, std::int64_t max_pixels);
Image decode_png(const std::vector<std::uint8_t>& data, const std::string& name, std::int64_t max_pixels);
Image decode_bmp(const std::vector<std::uint8_t>& data, const std::string& name, std::int64_t max_pixels);
Image decode_pnm(const std::vector<std::uint8_t>& data, const std::string& name, std::int64_t max_pixels);

}  // namespace infer
