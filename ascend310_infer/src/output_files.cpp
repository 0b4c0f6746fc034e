#include "output_files.h"

#include <array>
#include <cstdio>
#include <sstream>

#include "printable.h"
#include "whole_file.h"

namespace infer {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the output files are little-endian");

void append_unit(std::string& json, char32_t unit) {
  std::array<char, 12> text{};
  std::snprintf(text.data(), text.size(), "\\u%04x", static_cast<unsigned>(unit));
  json += text.data();
}

}  // namespace

std::string json_string(const std::string& text) {
  std::string json = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const char32_t code = next_code_point(text, at);
    switch (code) {
      case '"':
        json += "\\\"";
        break;
      case '\\':
        json += "\\\\";
        break;
      case '\n':
        json += "\\n";
        break;
      case '\r':
        json += "\\r";
        break;
      case '\t':
        json += "\\t";
        break;
      case '\b':
        json += "\\b";
        break;
      case '\f':
        json += "\\f";
        break;
      default:
        if (code >= ' ' && code <= '~') {
          json += static_cast<char>(code);
        } else if (code < 0x10000) {
          append_unit(json, code);
        } else {
          append_unit(json, 0xD800 + ((code - 0x10000) >> 10));
          append_unit(json, 0xDC00 + ((code - 0x10000) & 0x3FF));
        }
    }
  }
  return json + "\"";
}

bool has_room_for_outputs(const std::string& name) {
  constexpr std::size_t longest = 255, ending = 6;  // "_0.bin"
  return std::filesystem::path(name).filename().native().size() + ending <= longest;
}

void write_outputs(const std::filesystem::path& folder, const std::string& name, int height, int width,
                   const std::vector<Tensor>& outputs) {
  const std::filesystem::path target = folder / name;
  make_folder(target.parent_path());
  std::ostringstream header;
  header << "{\n \"image\": " << json_string(name) << ",\n \"width\": " << width << ",\n \"height\": " << height
         << ",\n \"outputs\": [";
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& output = outputs[i];
    const std::string file = target.filename().string() + "_" + std::to_string(i) + ".bin";
    write_whole(target.parent_path() / file, output.bytes.data(), output.bytes.size());
    header << (i == 0 ? "" : ",") << "\n  {\n   \"file\": " << json_string(file)
           << ",\n   \"name\": " << json_string(output.name) << ",\n   \"dtype\": \"" << dtype_name(output.dtype)
           << "\",\n   \"shape\": [";
    for (std::size_t k = 0; k < output.shape.size(); ++k)
      header << (k == 0 ? "" : ",") << "\n    " << output.shape[k];
    header << "\n   ]\n  }";
  }
  header << "\n ]\n}";
  const std::string text = header.str();
  write_whole(target.string() + ".json", text.data(), text.size());
}

}  // namespace infer
