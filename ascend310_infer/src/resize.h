#pragma once

#include "image.h"

namespace infer {

/// Bilinear, the same 8-bit arithmetic as OpenCV's `resize` with INTER_LINEAR.
///
/// Weights have 11 bits; an image of exactly twice the size both ways is averaged 2x2 instead, as OpenCV does.
Image resize_bilinear(const Image& image, int height, int width);

/// Bicubic (a = -0.5) with a filter that widens when shrinking, the same 8-bit arithmetic as BICUBIC of Pillow 13.
GrayImage resize_bicubic(const GrayImage& image, int height, int width);

}  // namespace infer
