#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace infer {

struct ImageFile {
  std::filesystem::path path;
  std::string name;  // relative to the data set, with /
};

/// The images of a folder and its sub-folders by name, or the one image that `path` is.
///
/// A file is an image by its ending, as for post-processing. Throws UserError when there is none.
std::vector<ImageFile> find_images(const std::filesystem::path& path);

}  // namespace infer
