#pragma once

#include <cstdint>
#include <vector>

#include "png_chunks.h"

namespace infer {

/// Number of values per pixel by color type; 0 where there is no such type, or not in this depth.
int channels_of(int color, int depth);

/// The rows of a PNG compressed anew; empty where they are not all there or something is wrong.
std::vector<std::uint8_t> deflated_rows(const SoundPng& png);

}  // namespace infer
