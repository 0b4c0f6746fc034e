#include "timing.h"

#include <algorithm>
#include <fstream>
#include <system_error>

#include "errors.h"

namespace infer {

std::filesystem::path write_timing(const std::filesystem::path& folder, const Timing& timing) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw UserError("time_dir: '" + folder.string() + "' cannot be made: " + error.message());
  const std::filesystem::path path = folder / "test_perform_static.txt";
  const auto mean = [](double sum, std::size_t count) {
    return sum / static_cast<double>(std::max<std::size_t>(count, 1));
  };
  std::ofstream file(path, std::ios::trunc);
  // The first line is the one that earlier applications wrote.
  file << "NN inference cost average time: " << mean(timing.network, timing.runs) << " ms of infer_count "
       << timing.runs << "\n"
       << "images: " << timing.images << ", " << timing.batch << " at a time\n"
       << "decode and preprocess: " << mean(timing.loading, timing.images) << " ms per image on each of "
       << timing.threads << " threads\n"
       << "network: " << mean(timing.network, timing.images) << " ms per image\n"
       << "write: " << mean(timing.writing, timing.images) << " ms per image\n"
       << "all: " << timing.total << " ms, " << mean(timing.total, timing.images) << " ms per image\n";
  file.close();
  if (!file) throw UserError("'" + path.string() + "' cannot be written");
  return path;
}

}  // namespace infer
