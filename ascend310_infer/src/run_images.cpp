#include "run_images.h"

#include <algorithm>
#include <map>
#include <ostream>
#include <set>
#include <sstream>
#include <thread>
#include <utility>

#include "decode_image.h"
#include "errors.h"
#include "image_loader.h"
#include "output_files.h"
#include "output_names.h"
#include "printable.h"
#include "run_plan.h"
#include "whole_file.h"

namespace infer {
namespace {

LoadedImage load_image(const ImageFile& file, std::size_t index, const Plan& plan, const Options& options) {
  const Stopwatch stopwatch;
  LoadedImage loaded;
  loaded.index = index;
  try {
    if (!has_room_for_outputs(file.name)) throw ImageError("unsupported", file.path.string(), "the name is too long");
    const Image image = decode_image(read_image_file(file.path), file.path.string(), options.max_image_pixels);
    loaded.height = image.height;
    loaded.width = image.width;
    loaded.input = plan.kind == NetworkKind::kCtpn
                       ? preprocess_scene(image, plan.height, plan.widths[0], options.keep_ratio)
                       : preprocess_word(image, plan.height, plan.widths);
  } catch (const ImageError& error) {
    loaded.error = error.what();
  }
  loaded.milliseconds = stopwatch.milliseconds();
  return loaded;
}

/// Images of one input width that wait for the network.
struct WaitingBatch {
  std::vector<LoadedImage> images;  // without their values
  std::vector<float> values;
};

/// Runs full batches and writes what comes out.
class BatchRunner {
 public:
  BatchRunner(const Plan& plan, const std::vector<ImageFile>& files, const Options& options, Timing& timing)
      : plan_(plan), files_(files), options_(options), timing_(timing) {}

  void add(LoadedImage image) {
    const int width = image.input.width;
    WaitingBatch& batch = waiting_[width];
    batch.values.insert(batch.values.end(), image.input.values.begin(), image.input.values.end());
    image.input.values = {};
    batch.images.push_back(std::move(image));
    if (static_cast<std::int64_t>(batch.images.size()) == plan_.batch) run(width, batch);
  }

  /// Run what is left; missing images are zeros, and what comes out for them is dropped.
  void finish() {
    for (auto& [width, batch] : waiting_) {
      if (!batch.images.empty()) run(width, batch);
    }
  }

 private:
  void run(int width, WaitingBatch& batch) {
    batch.values.resize(batch.values.size() / batch.images.size() * static_cast<std::size_t>(plan_.batch));
    const Stopwatch network_time;
    std::vector<Tensor> outputs = plan_.network_of.at(width)->run(batch.values, plan_.shape(width));
    timing_.network += network_time.milliseconds();
    ++timing_.runs;
    const Stopwatch writing_time;
    outputs = named_outputs(std::move(outputs), plan_.kind, plan_.batch);
    for (std::size_t i = 0; i < batch.images.size(); ++i) {
      const LoadedImage& image = batch.images[i];
      std::vector<Tensor> own;
      for (const Tensor& output : outputs) {
        own.push_back(one_image(output, image_axis(plan_.kind), static_cast<std::int64_t>(i)));
      }
      write_outputs(options_.output_dir, files_[image.index].name, image.height, image.width, own);
    }
    timing_.writing += writing_time.milliseconds();
    batch.images.clear();
    batch.values.clear();
  }

  const Plan& plan_;
  const std::vector<ImageFile>& files_;
  const Options& options_;
  Timing& timing_;
  std::map<int, WaitingBatch> waiting_;
};

/// Make the networks ready. Their first call at each size is slower than the others and no part of an image's time.
void warm_up(const std::vector<std::unique_ptr<Network>>& networks, const Plan& plan) {
  const bool varies = plan.widths.size() > networks.size();
  for (const auto& network : networks) {
    const std::int64_t own = network->input().width;
    network->prepare(plan.shape(varies ? 0 : own != 0 ? static_cast<int>(own) : plan.widths[0]));
  }
  for (const auto& [width, network] : plan.network_of) {
    const InputShape shape = plan.shape(width);
    const std::int64_t count = shape.batch * shape.channels * shape.height * shape.width;
    network->run(std::vector<float>(static_cast<std::size_t>(count)), shape);
  }
}

std::size_t thread_count(const Options& options, std::size_t images) {
  const unsigned cores = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
  return std::min<std::size_t>(options.threads > 0 ? static_cast<unsigned>(options.threads) : cores, images);
}

}  // namespace

RunResult run_images(const std::vector<std::unique_ptr<Network>>& networks, const Options& options, std::ostream& log,
                     std::ostream& errors) {
  const FoundImages found = find_images(options.dataset_path);
  const std::vector<ImageFile>& files = found.images;
  if (found.special > 0) errors << found.special << " special files are no images" << std::endl;
  const Plan plan = make_plan(networks, options);
  RunResult result;
  result.timing.batch = static_cast<std::size_t>(plan.batch);
  result.timing.threads = thread_count(options, files.size());
  log << (plan.kind == NetworkKind::kCtpn ? "CTPN" : "CRNN") << " with " << networks[0]->runtime() << ": "
      << files.size() << " images, " << plan.batch << " at a time, " << result.timing.threads << " threads decode"
      << std::endl;
  warm_up(networks, plan);

  std::set<std::filesystem::path> folders;
  for (const ImageFile& file : files) folders.insert((options.output_dir / file.name).parent_path());
  for (const auto& folder : folders) clear_leftovers(folder);

  const Stopwatch stopwatch;
  BatchRunner runner(plan, files, options, result.timing);
  ImageLoader loader(files.size(), result.timing.threads, 2 * (result.timing.threads + result.timing.batch),
                     [&](std::size_t index) { return load_image(files[index], index, plan, options); });
  while (std::optional<LoadedImage> image = loader.next()) {
    if (!image->error.empty()) {
      errors << one_line("left out " + image->error) << std::endl;
      ++result.left_out;
      if (static_cast<double>(result.left_out) > options.max_bad_ratio * static_cast<double>(files.size())) {
        std::ostringstream allowed;
        allowed << options.max_bad_ratio;
        throw UserError(std::to_string(result.left_out) + " of " + std::to_string(files.size()) +
                        " images cannot be used, more than max_bad_ratio = " + allowed.str() +
                        " allows: " + image->error);
      }
      continue;
    }
    ++result.written;
    result.timing.loading += image->milliseconds;
    runner.add(std::move(*image));
  }
  runner.finish();
  result.timing.images = result.written;
  result.timing.total = stopwatch.milliseconds();
  return result;
}

}  // namespace infer
