#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "image_files.h"
#include "preprocess.h"

namespace infer {

/// An image on its way through the application.
struct LoadedImage {
  std::size_t index = 0;  // among the files
  int height = 0;
  int width = 0;
  NetworkInput input;
  std::string error;  // why the file does not give an image, else empty
  double milliseconds = 0;
};

/// Decodes and prepares images on threads and hands them out in the order of the files.
///
/// At most `ahead` images wait, so that memory stays bounded however slow the network is.
class ImageLoader {
 public:
  using Load = std::function<LoadedImage(std::size_t index)>;

  ImageLoader(std::size_t count, std::size_t threads, std::size_t ahead, Load load);
  ~ImageLoader();
  ImageLoader(const ImageLoader&) = delete;
  ImageLoader& operator=(const ImageLoader&) = delete;

  /// The next image, nothing after the last; an exception of `load` comes out here.
  std::optional<LoadedImage> next();

 private:
  void work();

  const std::size_t count_, ahead_;
  const Load load_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t started_ = 0, delivered_ = 0;
  bool stopped_ = false;
  std::exception_ptr failure_;
  std::map<std::size_t, LoadedImage> ready_;
  std::vector<std::thread> threads_;
};

}  // namespace infer
