#include "tensor.h"

#include <cstring>

#include "errors.h"

namespace infer {

const char* dtype_name(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return "float32";
    case DType::kFloat16:
      return "float16";
    case DType::kInt32:
      return "int32";
    case DType::kInt64:
      return "int64";
    case DType::kInt8:
      return "int8";
    case DType::kUInt8:
      return "uint8";
    case DType::kBool:
      return "bool";
  }
  return "";
}

std::size_t dtype_size(DType dtype) {
  switch (dtype) {
    case DType::kInt64:
      return 8;
    case DType::kFloat32:
    case DType::kInt32:
      return 4;
    case DType::kFloat16:
      return 2;
    default:
      return 1;
  }
}

Tensor one_image(const Tensor& batch, std::size_t axis, std::int64_t index) {
  if (axis >= batch.shape.size() || index < 0 || index >= batch.shape[axis]) {
    throw UserError("output '" + batch.name + "' has no image " + std::to_string(index) + " along axis " +
                    std::to_string(axis));
  }
  std::size_t outer = 1, inner = dtype_size(batch.dtype);
  for (std::size_t i = 0; i < axis; ++i) outer *= static_cast<std::size_t>(batch.shape[i]);
  for (std::size_t i = axis + 1; i < batch.shape.size(); ++i) inner *= static_cast<std::size_t>(batch.shape[i]);
  const auto count = static_cast<std::size_t>(batch.shape[axis]);
  if (batch.bytes.size() != outer * count * inner) {
    throw UserError("output '" + batch.name + "' has " + std::to_string(batch.bytes.size()) +
                    " bytes, which do not fit its shape");
  }
  Tensor part{batch.name, batch.dtype, batch.shape, {}};
  part.shape[axis] = 1;
  part.bytes.reserve(outer * inner);
  for (std::size_t i = 0; i < outer; ++i) {
    const std::uint8_t* from = batch.bytes.data() + (i * count + static_cast<std::size_t>(index)) * inner;
    part.bytes.insert(part.bytes.end(), from, from + inner);
  }
  return part;
}

std::uint16_t to_half(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return sign | 0x7E00U;   // not a number
  if (magnitude >= 0x47800000U) return sign | 0x7C00U;  // 65536 and more, infinity
  std::uint32_t half = 0, rest = 0, middle = 0;
  if (magnitude >= 0x38800000U) {  // normal: 13 bits of the fraction go
    half = (magnitude - 0x38000000U) >> 13;
    rest = magnitude & 0x1FFFU;
    middle = 0x1000U;
  } else if (magnitude >= 0x33000000U) {  // below 2^-14: the fraction with its leading one, shifted further
    const std::uint32_t shift = 126U - (magnitude >> 23);
    const std::uint32_t fraction = (magnitude & 0x7FFFFFU) | 0x800000U;
    half = fraction >> shift;
    rest = fraction & ((1U << shift) - 1U);
    middle = 1U << (shift - 1U);
  }
  if (rest > middle || (rest == middle && middle != 0 && (half & 1U) != 0)) ++half;
  return static_cast<std::uint16_t>(sign | half);
}

}  // namespace infer
