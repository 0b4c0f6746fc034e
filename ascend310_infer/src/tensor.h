#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace infer {

enum class DType { kFloat32, kFloat16, kInt32, kInt64, kInt8, kUInt8, kBool };

/// NumPy's name of the type.
const char* dtype_name(DType dtype);
std::size_t dtype_size(DType dtype);

/// An output of a network; `bytes` are its elements in C order.
struct Tensor {
  std::string name;
  DType dtype = DType::kFloat32;
  std::vector<std::int64_t> shape;
  std::vector<std::uint8_t> bytes;
};

/// The part of `batch` that belongs to one image, with an axis of length 1 where the images are.
///
/// Throws UserError when `axis` is not one of the tensor or is shorter than `index`.
Tensor one_image(const Tensor& batch, std::size_t axis, std::int64_t index);

/// float32 -> IEEE half precision, to nearest, halves to even, too large ones to infinity.
std::uint16_t to_half(float value);

}  // namespace infer
