#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace infer {

/// The options of the command line.
struct Options {
  std::vector<std::filesystem::path> model_paths;  // several: CRNN, one for each width
  std::filesystem::path dataset_path;
  std::filesystem::path output_dir = "result_Files";
  std::filesystem::path time_dir;  // empty: time_Result beside output_dir
  std::string device_target;       // empty: the backend's first
  std::string precision;           // empty: the backend's default
  int device_id = 0;
  int batch_size = 0;     // 0: the model's own, or 1
  int threads = 0;        // that decode; 0: as many as there are cores, at most 8
  int infer_threads = 0;  // of the runtime on CPU; 0: it decides
  bool keep_ratio = false;
  std::vector<int> image_width;  // of CRNN; empty: those of the model, or 100
  double max_bad_ratio = 0.05;
  std::int64_t max_image_pixels = 64'000'000;
  bool help = false;
};

/// `--key value` or `--key=value`; a boolean key alone is true. Throws UsageError, which names key and value.
Options parse_options(const std::vector<std::string>& arguments);

/// The text that --help shows.
std::string usage();

}  // namespace infer
