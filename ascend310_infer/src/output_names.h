#pragma once

#include <cstdint>
#include <vector>

#include "network.h"

namespace infer {

enum class NetworkKind { kCtpn, kCrnn };

/// CTPN takes images of three channels, CRNN of one; UserError for any other number.
NetworkKind network_kind(const InputShape& input);

/// Give the outputs the names by which post-processing knows them, in its order, whatever the exporter called them.
///
/// CTPN: score_map (B, 2A, H, W) and delta_map (B, 4A, H, W), or proposals (B, P, 5) and mask (B, P), and dx (B, P)
/// from a network that refines the ends of lines.
/// CRNN: log_probs (T, B, C). Throws UserError, which lists the shapes, for any other outputs.
std::vector<Tensor> named_outputs(std::vector<Tensor> outputs, NetworkKind kind, std::int64_t batch);

/// The axis along which the images of a batch lie.
std::size_t image_axis(NetworkKind kind);

}  // namespace infer
