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

#include "picture_files.h"
#include "preprocess.h"

namespace infer {

/// A picture on its way through the application.
struct LoadedPicture {
  std::size_t index = 0;  // among the files
  int height = 0;
  int width = 0;
  NetworkInput input;
  std::string error;  // why the file does not give a picture, else empty
  double milliseconds = 0;
};

/// Decodes and prepares pictures on threads and hands them out in the order of the files.
///
/// At most `ahead` pictures wait, so that memory stays bounded however slow the network is.
class PictureLoader {
 public:
  using Load = std::function<LoadedPicture(std::size_t index)>;

  PictureLoader(std::size_t count, std::size_t threads, std::size_t ahead, Load load);
  ~PictureLoader();
  PictureLoader(const PictureLoader&) = delete;
  PictureLoader& operator=(const PictureLoader&) = delete;

  /// The next picture, nothing after the last; an exception of `load` comes out here.
  std::optional<LoadedPicture> next();

 private:
  void work();

  const std::size_t count_, ahead_;
  const Load load_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t started_ = 0, delivered_ = 0;
  bool stopped_ = false;
  std::exception_ptr failure_;
  std::map<std::size_t, LoadedPicture> ready_;
  std::vector<std::thread> threads_;
};

}  // namespace infer
