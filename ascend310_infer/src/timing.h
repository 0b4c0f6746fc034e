#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>

namespace infer {

/// Milliseconds since it was made.
class Stopwatch {
 public:
  double milliseconds() const {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// What a run took; sums over the run in milliseconds.
struct Timing {
  std::size_t images = 0;
  std::size_t runs = 0;  // of the network, each on `batch` images
  std::size_t batch = 1;
  std::size_t threads = 1;
  double loading = 0;  // decoding and preparing, summed over the threads
  double network = 0;
  double writing = 0;
  double total = 0;  // from the first image to the last file
};

/// Write test_perform_static.txt into `folder` and return its path. Throws UserError.
std::filesystem::path write_timing(const std::filesystem::path& folder, const Timing& timing);

}  // namespace infer
