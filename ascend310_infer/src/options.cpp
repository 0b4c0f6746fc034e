#include "options.h"

#include <charconv>
#include <functional>
#include <map>
#include <utility>

#include "errors.h"

namespace infer {
namespace {

template <typename Number>
Number number_in(const std::string& key, const std::string& text, Number least, Number most) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end || value < least || value > most) {
    throw UsageError(key + ": '" + text + "' is not a whole number from " + std::to_string(least) + " to " +
                     std::to_string(most));
  }
  return value;
}

double share(const std::string& key, const std::string& text) {
  std::size_t used = 0;
  double value = -1;
  try {
    value = std::stod(text, &used);
  } catch (const std::logic_error&) {  // no number, or none that a double holds
    used = 0;
  }
  if (used == 0 || used != text.size() || !(value >= 0 && value <= 1)) {
    throw UsageError(key + ": '" + text + "' is not a number from 0 to 1");
  }
  return value;
}

bool truth(const std::string& key, const std::string& text) {
  if (text == "true" || text == "True") return true;
  if (text == "false" || text == "False") return false;
  throw UsageError(key + ": '" + text + "' is not true or false");
}

/// `100`, `100,200` or, as the configuration has it, `[100, 200]`.
std::vector<int> widths(const std::string& key, const std::string& text) {
  std::vector<int> found;
  std::string number;
  const bool bracketed = text.size() >= 2 && text.front() == '[' && text.back() == ']';
  for (char c : (bracketed ? text.substr(1, text.size() - 2) : text) + ",") {
    if (c == ' ') continue;
    if (c != ',') {
      number += c;
      continue;
    }
    found.push_back(number_in(key, number, 4, 100'000));
    if (found.back() % 4 != 0) throw UsageError(key + ": " + number + " is not a multiple of 4");
    if (found.size() > 1 && found.back() <= found[found.size() - 2]) {
      throw UsageError(key + ": '" + text + "' does not ascend");
    }
    number.clear();
  }
  return found;
}

}  // namespace

Options parse_options(const std::vector<std::string>& arguments) {
  Options options;
  const int many = 1'000'000;
  using Take = std::function<void(const std::string&, const std::string&)>;
  const std::map<std::string, Take> keys = {
      {"model_path", [&](auto&, auto& text) { options.model_paths.emplace_back(text); }},
      {"dataset_path", [&](auto&, auto& text) { options.dataset_path = text; }},
      {"output_dir", [&](auto&, auto& text) { options.output_dir = text; }},
      {"time_dir", [&](auto&, auto& text) { options.time_dir = text; }},
      {"device_target", [&](auto&, auto& text) { options.device_target = text; }},
      {"precision", [&](auto&, auto& text) { options.precision = text; }},
      {"device_id", [&](auto& key, auto& text) { options.device_id = number_in(key, text, 0, many); }},
      {"batch_size", [&](auto& key, auto& text) { options.batch_size = number_in(key, text, 0, many); }},
      {"threads", [&](auto& key, auto& text) { options.threads = number_in(key, text, 0, 1024); }},
      {"infer_threads", [&](auto& key, auto& text) { options.infer_threads = number_in(key, text, 0, 1024); }},
      {"keep_ratio", [&](auto& key, auto& text) { options.keep_ratio = truth(key, text); }},
      {"image_width", [&](auto& key, auto& text) { options.image_width = widths(key, text); }},
      {"max_bad_ratio", [&](auto& key, auto& text) { options.max_bad_ratio = share(key, text); }},
      {"max_image_pixels",
       [&](auto& key, auto& text) {
         options.max_image_pixels = number_in<std::int64_t>(key, text, 1, 2'000'000'000);
       }},
      {"help", [&](auto& key, auto& text) { options.help = truth(key, text); }},
  };
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "-h") {
      options.help = true;
      continue;
    }
    const std::size_t equals = argument.find('=');
    const bool given = equals != std::string::npos;
    const std::string key = argument.substr(0, 2) == "--" ? argument.substr(2, given ? equals - 2 : equals) : "";
    const auto known = keys.find(key);
    if (known == keys.end()) throw UsageError("'" + argument + "': unknown; --help lists the options");
    std::string text = given ? argument.substr(equals + 1) : "";
    const bool may_be_alone = key == "keep_ratio" || key == "help";
    if (!given && i + 1 < arguments.size() && arguments[i + 1].substr(0, 2) != "--") {
      text = arguments[++i];
    } else if (!given && may_be_alone) {
      text = "true";
    } else if (!given) {
      throw UsageError(key + ": a value is missing");
    }
    known->second(key, text);
  }
  if (options.help) return options;
  if (options.model_paths.empty()) throw UsageError("model_path: is missing; give the exported network");
  if (options.dataset_path.empty()) throw UsageError("dataset_path: is missing; give an image or a folder of them");
  if (options.output_dir.empty()) throw UsageError("output_dir: is empty");
  return options;
}

std::string usage() {
  return R"(Run an exported CTPN or CRNN on images and write its outputs as files.

Usage: main --model_path FILE --dataset_path DIR [--device_id N] [--output_dir DIR] [--key value ...]
Example: main --model_path ctpn.mindir --dataset_path ICDAR2013/test --device_id 0 --output_dir result_Files

  --model_path FILE       the network, as export.py wrote it: MINDIR for mindspore_lite, ONNX for openvino;
                          once for each of the files that a CRNN of several widths was written to
  --dataset_path PATH     a folder of images (with its sub-folders), or one image
  --output_dir DIR        for each image a .json and its .bin files (result_Files)
  --time_dir DIR          for test_perform_static.txt (time_Result beside output_dir)
  --device_id N           the Ascend device (0); without meaning on CPU
  --device_target NAME    what computes: Ascend or CPU with mindspore_lite, CPU with openvino
  --batch_size N          images at a time; 0 takes the model's own number, or 1 (0)
  --threads N             threads that decode images; 0 takes one per core, at most 8 (0)
  --infer_threads N       threads of the network on CPU; 0 leaves it to the runtime (0)
  --precision NAME        f32, or auto for what the runtime prefers (openvino: f32, mindspore_lite: auto)
  --keep_ratio            CTPN: keep the image's proportions, as keep_ratio of the configuration (false)
  --image_width LIST      CRNN: widths of the input, as image_width of the configuration (the model's, or 100)
  --max_bad_ratio R       share of images that cannot be read above which the run fails (0.05)
  --max_image_pixels N    larger images are refused (64000000)
)";
}

}  // namespace infer
