#include "timing.h"

#include <algorithm>
#include <sstream>
#include <string>

#include "whole_file.h"

namespace infer {

std::filesystem::path write_timing(const std::filesystem::path& folder, const Timing& timing) {
  make_folder(folder);
  const std::filesystem::path path = folder / "test_perform_static.txt";
  const auto mean = [](double sum, std::size_t count) {
    return sum / static_cast<double>(std::max<std::size_t>(count, 1));
  };
  std::ostringstream file;
  // The first line is the one that earlier applications wrote.
  file << "NN inference cost average time: " << mean(timing.network, timing.runs) << " ms of infer_count "
       << timing.runs << "\n"
       << "images: " << timing.images << ", " << timing.batch << " at a time\n"
       << "decode and preprocess: " << mean(timing.loading, timing.images) << " ms per image on each of "
       << timing.threads << " threads\n"
       << "network: " << mean(timing.network, timing.images) << " ms per image\n"
       << "write: " << mean(timing.writing, timing.images) << " ms per image\n"
       << "all: " << timing.total << " ms, " << mean(timing.total, timing.images) << " ms per image\n";
  const std::string text = file.str();
  write_whole(path, text.data(), text.size());
  return path;
}

}  // namespace infer
