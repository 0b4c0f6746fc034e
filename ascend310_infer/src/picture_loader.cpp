#include "picture_loader.h"

#include <utility>

namespace infer {

PictureLoader::PictureLoader(std::size_t count, std::size_t threads, std::size_t ahead, Load load)
    : count_(count), ahead_(ahead), load_(std::move(load)) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

PictureLoader::~PictureLoader() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::optional<LoadedPicture> PictureLoader::next() {
  std::unique_lock<std::mutex> lock(mutex_);
  if (delivered_ == count_) return std::nullopt;
  changed_.wait(lock, [this] { return failure_ != nullptr || ready_.count(delivered_) != 0; });
  if (failure_ != nullptr) std::rethrow_exception(failure_);
  LoadedPicture picture = std::move(ready_.extract(delivered_).mapped());
  ++delivered_;
  lock.unlock();
  changed_.notify_all();
  return picture;
}

void PictureLoader::work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopped_ || started_ == count_ || started_ < delivered_ + ahead_; });
    if (stopped_ || started_ == count_) return;
    const std::size_t index = started_++;
    lock.unlock();
    LoadedPicture picture;
    std::exception_ptr failure;
    try {
      picture = load_(index);
    } catch (...) {  // handed on to the thread that asks for the picture
      failure = std::current_exception();
    }
    lock.lock();
    if (failure != nullptr) {
      failure_ = failure;
      stopped_ = true;
    } else {
      ready_.emplace(index, std::move(picture));
    }
    changed_.notify_all();
  }
}

}  // namespace infer
