#include "network_card.h"

#include <fstream>
#include <iterator>
#include <system_error>

#include "whole_file.h"

namespace infer {

void pass_on_card(const std::string& noted, const std::filesystem::path& model,
                  const std::filesystem::path& output_dir) {
  const std::filesystem::path target = output_dir / "network.card.json";
  std::filesystem::path beside = model;
  beside += ".json";
  std::string card = noted;
  if (card.empty()) {
    std::ifstream file(beside, std::ios::binary);
    card.assign(std::istreambuf_iterator<char>(file), {});
  }
  if (card.empty()) {
    std::error_code ignored;
    std::filesystem::remove(target, ignored);
    return;
  }
  make_folder(output_dir);
  write_whole(target, card.data(), card.size());
}

}  // namespace infer
