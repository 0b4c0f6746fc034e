#pragma once

#include <cstddef>
#include <iosfwd>
#include <memory>
#include <vector>

#include "network.h"
#include "options.h"
#include "timing.h"

namespace infer {

/// What became of the images.
struct RunResult {
  std::size_t written = 0;
  std::size_t left_out = 0;
  Timing timing;
};

/// Run the network on the images of `options.dataset_path` and write its outputs to `options.output_dir`.
///
/// `networks` is CTPN, CRNN, or CRNN once for each input width, where a file holds only one; a word then goes to the
/// one of its width.
///
/// A file that gives no image is named on `errors`, counted and left out. Throws UserError when that is more than
/// `options.max_bad_ratio` of all, or when the network does not fit the options.
RunResult run_images(const std::vector<std::unique_ptr<Network>>& networks, const Options& options, std::ostream& log,
                     std::ostream& errors);

}  // namespace infer
