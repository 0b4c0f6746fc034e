#pragma once

#include <utility>
#include <vector>

#include "image.h"

namespace infer {

/// What a network is fed for one image: (channels, height, width).
struct NetworkInput {
  int channels = 0;
  int height = 0;
  int width = 0;
  std::vector<float> values;
};

/// Size (height, width) that an image of height x width gets inside an input of input_height x input_width.
std::pair<int, int> fitted_size(int height, int width, int input_height, int input_width, bool keep_ratio);

/// CTPN: RGB -> normalized (3, height, width), as src/data/detection/preprocess.py does it.
NetworkInput preprocess_scene(const Image& image, int height, int width, bool keep_ratio);

/// CRNN: RGB -> gray in [-1, 1], (1, height, W), as src/data/recognition/preprocess.py does it.
///
/// With one of `widths` the image is stretched to it; with several (ascending), proportions are kept and W is the
/// narrowest that holds the image.
NetworkInput preprocess_word(const Image& image, int height, const std::vector<int>& widths);

}  // namespace infer
