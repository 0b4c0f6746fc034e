#include "image_files.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <system_error>

#include "errors.h"

namespace infer {
namespace {

constexpr std::array<std::string_view, 12> kEndings = {".jpg", ".jpeg", ".jpe", ".png",  ".gif",  ".bmp",
                                                       ".ppm", ".pgm",  ".tif", ".tiff", ".webp", ".jp2"};

bool is_image(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

}  // namespace

FoundImages find_images(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::exists(path, error)) throw UsageError("dataset_path: '" + path.string() + "' does not exist");
  if (!fs::is_directory(path, error)) return {{{path, path.filename().string()}}, 0};
  FoundImages found;
  std::vector<ImageFile>& images = found.images;
  for (auto entry = fs::recursive_directory_iterator(path, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code ignored;  // a link that leads nowhere is read later, and then named
    if (!is_image(entry->path()) || entry->is_directory(ignored)) continue;
    if (entry->exists(ignored) && !entry->is_regular_file(ignored)) {
      ++found.special;
    } else {
      images.push_back({entry->path(), entry->path().lexically_relative(path).generic_string()});
    }
  }
  if (error) throw UserError("dataset_path: '" + path.string() + "' cannot be read: " + error.message());
  if (images.empty()) throw UserError("dataset_path: no image in '" + path.string() + "'");
  std::sort(images.begin(), images.end(), [](auto& a, auto& b) { return a.name < b.name; });
  return found;
}

}  // namespace infer
