#include <filesystem>
#include <fstream>
#include <iterator>

#include "network_card.h"
#include "unit_test.h"

namespace fs = std::filesystem;

static std::string card_in(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

UNIT_TEST(the_card_of_a_network_goes_with_its_outputs) {
  const fs::path folder = fs::temp_directory_path() / "network_card_test";
  fs::remove_all(folder);
  fs::create_directories(folder);
  const fs::path card = folder / "out" / "network.card.json";
  infer::pass_on_card("", folder / "net.v1.mindir", folder / "out");
  CHECK(!fs::exists(card));
  std::ofstream(folder / "net.v1.mindir.json") << "{\"version\": 1}";
  infer::pass_on_card("", folder / "net.v1.mindir", folder / "out");
  CHECK(card_in(card) == "{\"version\": 1}");
  infer::pass_on_card("{}", folder / "net.v1.mindir", folder / "out");
  CHECK(card_in(card) == "{}");
  infer::pass_on_card("", folder / "other.mindir", folder / "out");
  CHECK(!fs::exists(card));
  fs::remove_all(folder);
}
