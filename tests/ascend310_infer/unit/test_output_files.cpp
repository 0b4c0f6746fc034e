#include <fstream>
#include <iterator>

#include "output_files.h"
#include "unit_test.h"

using infer::json_string;

static std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

UNIT_TEST(names_as_json) {
  CHECK(json_string("a b") == "\"a b\"");
  CHECK(json_string("\"\\\n\t\x01\x7f") == "\"\\\"\\\\\\n\\t\\u0001\\u007f\"");
  CHECK(json_string("\xC3\xA9\xE5\xAD\x97") == "\"\\u00e9\\u5b57\"");
  CHECK(json_string("\xF0\x9F\x98\x80") == "\"\\ud83d\\ude00\"");
}

UNIT_TEST(bytes_that_are_not_utf8) {
  CHECK(json_string("\xFF") == "\"\\udcff\"");
  CHECK(json_string("\xC3") == "\"\\udcc3\"");                                   // cut off
  CHECK(json_string("\xC0\xAF") == "\"\\udcc0\\udcaf\"");                        // longer than needed
  CHECK(json_string("\xE0\x80\xAF") == "\"\\udce0\\udc80\\udcaf\"");             // the same
  CHECK(json_string("\xED\xA0\x80") == "\"\\udced\\udca0\\udc80\"");             // half of a pair
  CHECK(json_string("\xF4\x90\x80\x80") == "\"\\udcf4\\udc90\\udc80\\udc80\"");  // beyond the last character
  CHECK(json_string("\xE5\xAD"
                    "a") == "\"\\udce5\\udcada\"");
}

UNIT_TEST(files_of_a_image) {
  const auto folder = unit::new_folder();
  const infer::Tensor output{"mask", infer::DType::kBool, {1, 2}, {1, 0}};
  infer::write_outputs(folder / "made", "sub/a.v1.jpg", 3, 4, {output, output});
  CHECK(content(folder / "made/sub/a.v1.jpg_0.bin") == std::string("\x01\0", 2));
  CHECK(std::filesystem::exists(folder / "made/sub/a.v1.jpg_1.bin"));
  const std::string json = content(folder / "made/sub/a.v1.jpg.json");
  CHECK(json.find("\"image\": \"sub/a.v1.jpg\"") != std::string::npos);
  CHECK(json.find("\"file\": \"a.v1.jpg_1.bin\"") != std::string::npos);
  CHECK(!std::filesystem::exists(folder / "made/sub/a.v1.jpg.json.part"));
}

UNIT_TEST(a_folder_that_cannot_be_made_is_named) {
  const auto folder = unit::new_folder();
  std::ofstream(folder / "taken").put('x');
  CHECK_FAILS(infer::write_outputs(folder / "taken", "a/b.jpg", 1, 1, {}), "taken");
}
