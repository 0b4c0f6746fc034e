#pragma once

#include <cstdint>
#include <vector>

#include "image.h"

namespace infer {

/// Lays the pixels with their alpha, one value per pixel, on white or black: the ground that shows more of them.
void lay_on_ground(Image& image, const std::vector<std::uint8_t>& alpha);

}  // namespace infer
