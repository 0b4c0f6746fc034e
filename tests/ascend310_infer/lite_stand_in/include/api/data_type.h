// Stand-in for the header of MindSpore Lite of this name: what the application uses of it, and nothing else.
#pragma once

#include <cstdint>

namespace mindspore {

enum class DataType : int {
  kTypeUnknown = 0,
  kNumberTypeBool = 30,
  kNumberTypeInt8 = 32,
  kNumberTypeInt32 = 34,
  kNumberTypeInt64 = 35,
  kNumberTypeUInt8 = 37,
  kNumberTypeFloat16 = 42,
  kNumberTypeFloat32 = 43,
  kNumberTypeFloat64 = 44,
};

}  // namespace mindspore
