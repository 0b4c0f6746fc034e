#include "image_loader.h"

#include <utility>

namespace infer {

ImageLoader::ImageLoader(std::size_t count, std::size_t threads, std::size_t ahead, Load load)
    : count_(count), ahead_(ahead), load_(std::move(load)) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ImageLoader::~ImageLoader() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::optional<LoadedImage> ImageLoader::next() {
  std::unique_lock<std::mutex> lock(mutex_);
  if (delivered_ == count_) return std::nullopt;
  changed_.wait(lock, [this] { return failure_ != nullptr || ready_.count(delivered_) != 0; });
  if (failure_ != nullptr) std::rethrow_exception(failure_);
  LoadedImage image = std::move(ready_.extract(delivered_).mapped());
  ++delivered_;
  lock.unlock();
  changed_.notify_all();
  return image;
}

void ImageLoader::work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopped_ || started_ == count_ || started_ < delivered_ + ahead_; });
    if (stopped_ || started_ == count_) return;
    const std::size_t index = started_++;
    lock.unlock();
    LoadedImage image;
    std::exception_ptr failure;
    try {
      image = load_(index);
    } catch (...) {  // handed on to the thread that asks for the image
      failure = std::current_exception();
    }
    lock.lock();
    if (failure != nullptr) {
      failure_ = failure;
      stopped_ = true;
    } else {
      ready_.emplace(index, std::move(image));
    }
    changed_.notify_all();
  }
}

}  // namespace infer
