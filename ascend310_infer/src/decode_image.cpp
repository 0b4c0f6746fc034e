#include "decode_image.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>
#include <system_error>

namespace infer {
namespace {

using namespace std::string_view_literals;

/// No image that is accepted is larger; a sparse file of any size takes no room.
constexpr std::uintmax_t kMostBytes = 512U << 20;

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
  const bool is_regular = std::filesystem::is_regular_file(path, ignored);
  const std::uintmax_t size = is_regular ? std::filesystem::file_size(path, ignored) : 0;
  if (size > kMostBytes && !ignored) throw ImageError("too large", name, std::to_string(size) + " bytes");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw ImageError("unreadable", name, std::strerror(errno));
  std::vector<std::uint8_t> data;
  for (std::size_t read = 0; file; data.resize(read)) {  // a pipe or device has no size
    data.resize(read + (is_regular && read == 0 ? size + 1 : std::size_t{1} << 20));
    file.read(reinterpret_cast<char*>(data.data() + read), static_cast<std::streamsize>(data.size() - read));
    read += static_cast<std::size_t>(file.gcount());
    if (read > kMostBytes) throw ImageError("too large", name, "more than " + std::to_string(kMostBytes) + " bytes");
  }
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
  if (start.substr(0, 6) == "\x89PNG\r\n"sv) return decode_png(data, name, max_pixels);
  if (start.substr(0, 2) == "BM") return decode_bmp(data, name, max_pixels);
  if (start.substr(0, 2) == "P5" || start.substr(0, 2) == "P6") return decode_pnm(data, name, max_pixels);
  const std::string format = foreign_format(start);
  if (format.empty()) throw ImageError("not an image", name);
  throw ImageError("unsupported", name, format + "; JPEG, PNG, BMP and binary PPM or PGM are read");
}

}  // namespace infer
