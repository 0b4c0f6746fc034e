#include <cmath>
#include <limits>

#include "tensor.h"
#include "unit_test.h"

using infer::DType;
using infer::Tensor;
using infer::to_half;

/// The value of a half, from its definition.
static double value_of(unsigned half) {
  const int exponent = static_cast<int>(half >> 10 & 31U), fraction = static_cast<int>(half & 1023U);
  const double size = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return (half & 0x8000U) != 0 ? -size : size;
}

UNIT_TEST(every_half_comes_back) {
  for (unsigned half = 0; half < 0x10000; ++half) {
    if ((half >> 10 & 31U) == 31) continue;
    CHECK(to_half(static_cast<float>(value_of(half))) == half);
  }
}

UNIT_TEST(values_between_halves_are_rounded_to_the_nearest_and_ties_to_even) {
  for (unsigned half = 0; half < 0x7BFF; ++half) {
    const double low = value_of(half), high = value_of(half + 1), middle = (low + high) / 2;
    CHECK(to_half(static_cast<float>(middle)) == (half % 2 == 0 ? half : half + 1));
    CHECK(to_half(std::nextafter(static_cast<float>(middle), 0.0F)) == half);
    CHECK(to_half(std::nextafter(static_cast<float>(middle), 1e9F)) == half + 1);
  }
}

UNIT_TEST(what_a_half_cannot_hold) {
  CHECK(to_half(65519.99F) == 0x7BFF && to_half(65520.0F) == 0x7C00 && to_half(-1e30F) == 0xFC00);
  CHECK(to_half(std::numeric_limits<float>::infinity()) == 0x7C00);
  CHECK((to_half(std::numeric_limits<float>::quiet_NaN()) & 0x7FFFU) > 0x7C00U);
  CHECK(to_half(1e-9F) == 0 && to_half(-1e-9F) == 0x8000);
}

UNIT_TEST(a_image_of_a_batch) {
  const Tensor batch{"x", DType::kUInt8, {2, 3, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}};
  const Tensor second = infer::one_image(batch, 0, 1);
  CHECK((second.shape == std::vector<std::int64_t>{1, 3, 2}));
  CHECK((second.bytes == std::vector<std::uint8_t>{6, 7, 8, 9, 10, 11}));
  const Tensor middle = infer::one_image(batch, 1, 1);
  CHECK((middle.shape == std::vector<std::int64_t>{2, 1, 2}));
  CHECK((middle.bytes == std::vector<std::uint8_t>{2, 3, 8, 9}));
}

UNIT_TEST(a_image_that_is_not_there) {
  const Tensor batch{"x", DType::kFloat16, {2, 3}, std::vector<std::uint8_t>(12)};
  CHECK(infer::one_image(batch, 0, 1).bytes.size() == 6);
  CHECK_FAILS(infer::one_image(batch, 0, 2), "output 'x' has no image 2");
  CHECK_FAILS(infer::one_image(batch, 2, 0), "output 'x' has no image 0 along axis 2");
  CHECK_FAILS(infer::one_image({"x", DType::kFloat32, {2, 3}, std::vector<std::uint8_t>(12)}, 0, 0), "12 bytes");
}
