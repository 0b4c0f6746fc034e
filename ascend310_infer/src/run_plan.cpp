#include "run_plan.h"

#include <algorithm>
#include <sstream>
#include <string>

#include "errors.h"

namespace infer {
namespace {

constexpr int kWordHeight = 32, kWordWidth = 100;

std::string listed(const std::vector<int>& widths) {
  std::string text;
  for (int width : widths) text += (text.empty() ? "" : ", ") + std::to_string(width);
  return text;
}

/// Widths that a file of CRNN was exported for; empty where it names none.
std::vector<int> exported_widths(const Network& network) {
  if (network.input().width != 0) return {static_cast<int>(network.input().width)};
  std::vector<int> widths;
  std::istringstream noted(network.note("image_width"));
  for (int width = 0; noted >> width;) widths.push_back(width);
  return widths;
}

/// The widths of CRNN's input, each with its network.
std::map<int, Network*> word_networks(const std::vector<std::unique_ptr<Network>>& networks, const Options& options) {
  std::map<int, Network*> network_of;
  std::vector<int> widths;
  for (const auto& network : networks) {
    if (networks.size() > 1 && network->input().width == 0) {
      throw UsageError("model_path: is given several times, which is for networks of one width each");
    }
    for (int width : exported_widths(*network)) {
      if (!network_of.emplace(width, network.get()).second) {
        throw UsageError("model_path: two networks for width " + std::to_string(width));
      }
    }
  }
  for (const auto& of_width : network_of) widths.push_back(of_width.first);
  const std::vector<int>& wanted = options.image_width;
  if (!wanted.empty() && !widths.empty() && wanted != widths) {
    throw UsageError("image_width: " + listed(wanted) + " given, but the network was exported for " + listed(widths));
  }
  if (widths.empty()) {
    for (int width : wanted.empty() ? std::vector<int>{kWordWidth} : wanted) network_of[width] = networks[0].get();
  }
  return network_of;
}

std::int64_t batch_of(const Network& network, const Options& options) {
  const std::int64_t fixed = network.input().batch;
  if (fixed != 0 && options.batch_size != 0 && options.batch_size != fixed) {
    throw UsageError("batch_size: " + std::to_string(options.batch_size) +
                     " given, but the network was exported for " + std::to_string(fixed) + " images at a time");
  }
  return fixed != 0 ? fixed : std::max(options.batch_size, 1);
}

}  // namespace

Plan make_plan(const std::vector<std::unique_ptr<Network>>& networks, const Options& options) {
  const InputShape input = networks[0]->input();
  Plan plan;
  plan.kind = network_kind(input);
  plan.batch = batch_of(*networks[0], options);
  plan.height = static_cast<int>(input.height);
  for (const auto& network : networks) {
    const InputShape other = network->input();
    if (other.channels != input.channels || other.height != input.height ||
        batch_of(*network, options) != plan.batch) {
      throw UserError("model_path: the networks differ in more than their width");
    }
  }
  if (plan.kind == NetworkKind::kCrnn) {
    if (options.keep_ratio) throw UsageError("keep_ratio: is for CTPN; give CRNN several image_width instead");
    if (plan.height == 0) plan.height = kWordHeight;
    plan.network_of = word_networks(networks, options);
  } else {
    if (!options.image_width.empty()) throw UsageError("image_width: is for CRNN; CTPN's size is in its file");
    if (networks.size() > 1) throw UsageError("model_path: is given several times, but CTPN is one network");
    if (input.height == 0 || input.width == 0) {
      throw UserError("model_path: the size of the network's input is not in the file; export it with one");
    }
    plan.network_of[static_cast<int>(input.width)] = networks[0].get();
  }
  for (const auto& of_width : plan.network_of) plan.widths.push_back(of_width.first);
  return plan;
}

}  // namespace infer
