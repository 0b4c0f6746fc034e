#include "run_pictures.h"

#include <algorithm>
#include <map>
#include <ostream>
#include <sstream>
#include <thread>
#include <utility>

#include "decode_image.h"
#include "errors.h"
#include "output_files.h"
#include "output_names.h"
#include "picture_loader.h"
#include "run_plan.h"

namespace infer {
namespace {

LoadedPicture load_picture(const PictureFile& file, std::size_t index, const Plan& plan, const Options& options) {
  const Stopwatch stopwatch;
  LoadedPicture picture;
  picture.index = index;
  try {
    const Image image = decode_image(read_picture_file(file.path), file.path.string(), options.max_image_pixels);
    picture.height = image.height;
    picture.width = image.width;
    picture.input = plan.kind == NetworkKind::kCtpn
                        ? preprocess_scene(image, plan.height, plan.widths[0], options.keep_ratio)
                        : preprocess_word(image, plan.height, plan.widths);
  } catch (const ImageError& error) {
    picture.error = error.what();
  }
  picture.milliseconds = stopwatch.milliseconds();
  return picture;
}

/// Pictures of one input width that wait for the network.
struct WaitingBatch {
  std::vector<LoadedPicture> pictures;  // without their values
  std::vector<float> values;
};

/// Runs full batches and writes what comes out.
class BatchRunner {
 public:
  BatchRunner(const Plan& plan, const std::vector<PictureFile>& files, const Options& options, Timing& timing)
      : plan_(plan), files_(files), options_(options), timing_(timing) {}

  void add(LoadedPicture picture) {
    const int width = picture.input.width;
    WaitingBatch& batch = waiting_[width];
    batch.values.insert(batch.values.end(), picture.input.values.begin(), picture.input.values.end());
    picture.input.values = {};
    batch.pictures.push_back(std::move(picture));
    if (static_cast<std::int64_t>(batch.pictures.size()) == plan_.batch) run(width, batch);
  }

  /// Run what is left; missing pictures are zeros, and what comes out for them is dropped.
  void finish() {
    for (auto& [width, batch] : waiting_) {
      if (!batch.pictures.empty()) run(width, batch);
    }
  }

 private:
  void run(int width, WaitingBatch& batch) {
    batch.values.resize(batch.values.size() / batch.pictures.size() * static_cast<std::size_t>(plan_.batch));
    const Stopwatch network_time;
    std::vector<Tensor> outputs = plan_.network_of.at(width)->run(batch.values, plan_.shape(width));
    timing_.network += network_time.milliseconds();
    ++timing_.runs;
    const Stopwatch writing_time;
    outputs = named_outputs(std::move(outputs), plan_.kind, plan_.batch);
    for (std::size_t i = 0; i < batch.pictures.size(); ++i) {
      const LoadedPicture& picture = batch.pictures[i];
      std::vector<Tensor> own;
      for (const Tensor& output : outputs) {
        own.push_back(one_picture(output, picture_axis(plan_.kind), static_cast<std::int64_t>(i)));
      }
      write_outputs(options_.output_dir, files_[picture.index].name, picture.height, picture.width, own);
    }
    timing_.writing += writing_time.milliseconds();
    batch.pictures.clear();
    batch.values.clear();
  }

  const Plan& plan_;
  const std::vector<PictureFile>& files_;
  const Options& options_;
  Timing& timing_;
  std::map<int, WaitingBatch> waiting_;
};

/// Make the networks ready. Their first call at each size is slower than the others and no part of a picture's time.
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

std::size_t thread_count(const Options& options, std::size_t pictures) {
  const unsigned cores = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
  return std::min<std::size_t>(options.threads > 0 ? static_cast<unsigned>(options.threads) : cores, pictures);
}

}  // namespace

RunResult run_pictures(const std::vector<std::unique_ptr<Network>>& networks, const Options& options,
                       std::ostream& says, std::ostream& errors) {
  const std::vector<PictureFile> files = find_pictures(options.dataset_path);
  const Plan plan = make_plan(networks, options);
  RunResult result;
  result.timing.batch = static_cast<std::size_t>(plan.batch);
  result.timing.threads = thread_count(options, files.size());
  says << (plan.kind == NetworkKind::kCtpn ? "CTPN" : "CRNN") << " with " << networks[0]->runtime() << ": "
       << files.size() << " pictures, " << plan.batch << " at a time, "
       << result.timing.threads << " threads decode" << std::endl;
  warm_up(networks, plan);

  const Stopwatch stopwatch;
  BatchRunner runner(plan, files, options, result.timing);
  PictureLoader loader(files.size(), result.timing.threads, 2 * (result.timing.threads + result.timing.batch),
                       [&](std::size_t index) { return load_picture(files[index], index, plan, options); });
  while (std::optional<LoadedPicture> picture = loader.next()) {
    if (!picture->error.empty()) {
      errors << "left out " << picture->error << std::endl;
      ++result.left_out;
      if (static_cast<double>(result.left_out) > options.max_bad_ratio * static_cast<double>(files.size())) {
        std::ostringstream allowed;
        allowed << options.max_bad_ratio;
        throw UserError(std::to_string(result.left_out) + " of " + std::to_string(files.size()) +
                        " pictures cannot be used, more than max_bad_ratio = " + allowed.str() + " allows: " +
                        picture->error);
      }
      continue;
    }
    ++result.written;
    result.timing.loading += picture->milliseconds;
    runner.add(std::move(*picture));
  }
  runner.finish();
  result.timing.pictures = result.written;
  result.timing.total = stopwatch.milliseconds();
  return result;
}

}  // namespace infer
