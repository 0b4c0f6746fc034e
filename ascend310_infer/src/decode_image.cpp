#include "decode_image.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>

namespace infer {
namespace {

using namespace std::string_view_literals;

/// Name of a format that is known by its first bytes and not read here, or "".
std::string foreign_format(std::string_view start) {
  if (start.substr(0, 4) == "GIF8") return "GIF";
  if (start.size() < 12) return "";
  if (start.substr(0, 4) == "RIFF" && start.substr(8, 4) == "WEBP") return "WebP";
  if (start.substr(0, 4) == "II*\0"sv || start.substr(0, 4) == "MM\0*"sv) return "TIFF";
  if (start.substr(4, 8) == "jP  \r\n\x87\n"sv) return "JPEG 2000";
  return "";
}

}  // namespace

std::vector<std::uint8_t> read_image_file(const std::filesystem::path& path) {
  const std::string name = path.string();
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) throw ImageError("missing", name);
  if (std::filesystem::is_directory(path, ignored)) throw ImageError("unreadable", name, "Is a directory");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw ImageError("unreadable", name, std::strerror(errno));
  std::vector<std::uint8_t> data{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) throw ImageError("unreadable", name, std::strerror(errno));
  if (data.empty()) throw ImageError("empty file", name);
  return data;
}

void check_size(std::int64_t height, std::int64_t width, const std::string& name, std::int64_t max_pixels) {
  const std::string size = std::to_string(width) + "x" + std::to_string(height);
  if (height < 1 || width < 1) throw ImageError("not an image", name, size + " pixels");
  if (width > max_pixels / height) {
    throw ImageError("too large", name, size + ", at most " + std::to_string(max_pixels) + " pixels are accepted");
  }
}

Image decode_image(const std::vector<std::uint8_t>& data, const std::string& name, std::int64_t max_pixels) {
  if (data.empty()) throw ImageError("empty file", name);
  const std::string_view start(reinterpret_cast<const char*>(data.data()), data.size());
  if (start.substr(0, 3) == "\xff\xd8\xff"sv) return decode_jpeg(data, name, max_pixels);
  if (start.substr(0, 8) == "\x89PNG\r\n\x1a\n"sv) return decode_png(data, name, max_pixels);
  if (start.substr(0, 2) == "BM") return decode_bmp(data, name, max_pixels);
  if (start.substr(0, 2) == "P5" || start.substr(0, 2) == "P6") return decode_pnm(data, name, max_pixels);
  const std::string format = foreign_format(start);
  if (format.empty()) throw ImageError("not an image", name);
  throw ImageError("unsupported", name, format + "; JPEG, PNG, BMP and binary PPM or PGM are read");
}

}  // namespace infer
