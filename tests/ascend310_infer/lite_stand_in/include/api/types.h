// Stand-in for the header of MindSpore Lite of this name: what the application uses of it, and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "include/api/data_type.h"

namespace mindspore {

enum ModelType : uint32_t { kMindIR = 0 };

class MSTensor {
 public:
  class Impl;
  MSTensor() = default;
  explicit MSTensor(const std::shared_ptr<Impl>& impl) : impl_(impl) {}
  std::string Name() const;
  enum DataType DataType() const;
  const std::vector<int64_t>& Shape() const;
  std::shared_ptr<const void> Data() const;
  void* MutableData();
  size_t DataSize() const;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace mindspore
