#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace infer {

struct PictureFile {
  std::filesystem::path path;
  std::string name;  // relative to the data set, with /
};

/// The pictures of a folder and its sub-folders by name, or the one picture that `path` is.
///
/// A file is a picture by its ending, as for post-processing. Throws UserError when there is none.
std::vector<PictureFile> find_pictures(const std::filesystem::path& path);

}  // namespace infer
