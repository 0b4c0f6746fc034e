// Runs an exported CTPN or CRNN on images and writes its outputs as files; `--help` lists the options.

#include <algorithm>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "errors.h"
#include "network.h"
#include "network_card.h"
#include "options.h"
#include "printable.h"
#include "run_images.h"
#include "timing.h"

namespace {

/// `given`, or the first of `accepted` when it is empty; UsageError when the backend does not accept it.
std::string chosen(const std::string& key, const std::string& given, const std::vector<std::string>& accepted) {
  if (given.empty()) return accepted.front();
  if (std::find(accepted.begin(), accepted.end(), given) != accepted.end()) return given;
  std::string list;
  for (const std::string& value : accepted) list += (list.empty() ? "" : ", ") + value;
  throw infer::UsageError(key + ": '" + given + "' is not one of " + list + " (" + infer::backend().name + ")");
}

int run(const std::vector<std::string>& arguments) {
  infer::Options options = infer::parse_options(arguments);
  if (options.help) {
    std::cout << infer::usage();
    return 0;
  }
  options.device_target = chosen("device_target", options.device_target, infer::backend().devices);
  options.precision = chosen("precision", options.precision, infer::backend().precisions);
  std::vector<std::unique_ptr<infer::Network>> networks;
  for (const auto& model : options.model_paths) {
    if (!std::filesystem::is_regular_file(model)) {
      throw infer::UsageError("model_path: '" + model.string() + "' is not a file");
    }
    networks.push_back(infer::open_network(model, options));
  }
  const infer::RunResult result = infer::run_images(networks, options, std::cout, std::cerr);
  infer::pass_on_card(networks[0]->note("card"), options.model_paths[0], options.output_dir);
  const auto folder = std::filesystem::absolute(options.output_dir / "").parent_path().parent_path();
  const auto summary =
      infer::write_timing(options.time_dir.empty() ? folder / "time_Result" : options.time_dir, result.timing);
  std::cout << "wrote the outputs for " << result.written << " images to "
            << infer::one_line(options.output_dir.string());
  if (result.left_out > 0) std::cout << ", left out " << result.left_out;
  std::cout << "; times are in " << infer::one_line(summary.string()) << std::endl;
  return 0;
}

/// One line, as every command of this repository says what went wrong.
void complain(const std::string& text) { std::cerr << infer::one_line("error: " + text) << std::endl; }

}  // namespace

int main(int count, char** values) {
  try {
    return run({values + 1, values + count});
  } catch (const infer::UsageError& error) {
    complain(error.what());
    return 2;
  } catch (const std::exception& error) {
    complain(error.what());
    return 1;
  }
}
