#pragma once

#include <filesystem>
#include <string>

namespace infer {

/// Leave what post-processing must know of a network with its outputs, as `network.card.json` in `output_dir`.
///
/// It is `noted`, the metadata of the network's file, or else the card beside `model` (`net.mindir.json` of
/// `net.mindir`). Without either, a card of another network is removed. Throws UserError.
void pass_on_card(const std::string& noted, const std::filesystem::path& model,
                  const std::filesystem::path& output_dir);

}  // namespace infer
