#include "network_card.h"

#include <fstream>
#include <iterator>
#include <system_error>

#include "errors.h"

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
  std::error_code ignored;
  if (card.empty()) {
    std::filesystem::remove(target, ignored);
    return;
  }
  std::filesystem::create_directories(output_dir, ignored);
  std::ofstream file(target, std::ios::binary | std::ios::trunc);
  file << card;
  file.close();
  if (!file) throw UserError("'" + target.string() + "' cannot be written");
}

}  // namespace infer
