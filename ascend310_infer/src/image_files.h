#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace infer {

struct ImageFile {
  std::filesystem::path path;
  std::string name;  // relative to the data set, with /
};

struct FoundImages {
  std::vector<ImageFile> images;
  std::size_t special = 0;  // pipes, sockets and devices with the ending of an image, which are not opened
};

/// The images of a folder and its sub-folders by name, or the one image that `path` is.
///
/// A file is an image by its ending, as for post-processing. Throws UserError when there is none.
FoundImages find_images(const std::filesystem::path& path);

}  // namespace infer
