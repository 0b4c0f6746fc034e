#include "output_names.h"

#include <algorithm>
#include <utility>

#include "errors.h"

namespace infer {
namespace {

std::string shapes_text(const std::vector<Tensor>& outputs) {
  std::string text;
  for (const Tensor& output : outputs) {
    text += text.empty() ? "(" : ", (";
    for (std::size_t i = 0; i < output.shape.size(); ++i) {
      text += (i == 0 ? "" : ", ") + std::to_string(output.shape[i]);
    }
    text += ")";
  }
  return text;
}

bool name_maps(std::vector<Tensor>& outputs) {
  const auto &scores = outputs[0].shape, &deltas = outputs[1].shape;
  if (scores.size() != 4 || deltas.size() != 4 || deltas[1] != 2 * scores[1]) return false;
  if (scores[2] != deltas[2] || scores[3] != deltas[3]) return false;
  outputs[0].name = "score_map";
  outputs[1].name = "delta_map";
  return true;
}

bool is_float(const Tensor& output) { return output.dtype == DType::kFloat32 || output.dtype == DType::kFloat16; }

/// Proposals first, then the mask, then the offsets (numbers with a point) where there are three outputs.
bool name_proposals(std::vector<Tensor>& outputs) {
  std::stable_sort(outputs.begin(), outputs.end(), [](const Tensor& a, const Tensor& b) {
    return a.shape.size() != b.shape.size() ? a.shape.size() > b.shape.size() : is_float(a) < is_float(b);
  });
  const auto &proposals = outputs[0].shape, &mask = outputs[1].shape;
  if (proposals.size() != 3 || mask.size() != 2 || proposals[2] != 5 || proposals[1] != mask[1]) return false;
  if (outputs.size() == 3 && (outputs[2].shape != mask || !is_float(outputs[2]) || is_float(outputs[1])))
    return false;
  outputs[0].name = "proposals";
  outputs[1].name = "mask";
  if (outputs.size() == 3) outputs[2].name = "dx";
  return true;
}

}  // namespace

NetworkKind network_kind(const InputShape& input) {
  if (input.channels == 3) return NetworkKind::kCtpn;
  if (input.channels == 1) return NetworkKind::kCrnn;
  throw UserError("model_path: an input of " + std::to_string(input.channels) +
                  " channels; CTPN has 3 and CRNN has 1");
}

std::size_t image_axis(NetworkKind kind) { return kind == NetworkKind::kCtpn ? 0 : 1; }

std::vector<Tensor> named_outputs(std::vector<Tensor> outputs, NetworkKind kind, std::int64_t batch) {
  const std::size_t axis = image_axis(kind);
  bool known = std::all_of(outputs.begin(), outputs.end(), [&](const Tensor& output) {
    return output.shape.size() > axis && output.shape[axis] == batch;
  });
  if (kind == NetworkKind::kCrnn) {
    known = known && outputs.size() == 1 && outputs[0].shape.size() == 3;
    if (known) outputs[0].name = "log_probs";
  } else {
    known = known && (outputs.size() == 2 || outputs.size() == 3);
    if (known && (outputs.size() == 3 || !name_maps(outputs)) && !name_proposals(outputs)) {
      std::swap(outputs[0], outputs[1]);
      known = outputs.size() == 2 && name_maps(outputs);
    }
  }
  if (!known) {
    throw UserError("model_path: outputs of shapes " + shapes_text(outputs) + " for " + std::to_string(batch) +
                    " images are not those of " + (kind == NetworkKind::kCtpn ? "CTPN" : "CRNN"));
  }
  return outputs;
}

}  // namespace infer
