#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "image.h"

namespace infer {

/// Orientation in an EXIF block that starts with its TIFF header: 1 to 8, 1 for a value that does not exist,
/// nothing when the block has none or is damaged.
std::optional<int> exif_orientation(const std::uint8_t* tiff, std::size_t size);

/// Orientation in an XMP packet (`tiff:Orientation="6"` or `>6<`), as `exif_orientation`.
std::optional<int> xmp_orientation(std::string_view xmp);

/// The image as a viewer shows it, from the stored one and its EXIF orientation.
Image oriented(Image stored, int orientation);

}  // namespace infer
