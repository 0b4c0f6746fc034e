// A stand-in for libmindspore-lite.so: networks are text files, and their outputs are easy to foresee.
//
//   input NAME DTYPE B C H W      the only input; -1 for a free size
//   output NAME DTYPE D1 D2 ...   -1 for the number of images
//   fail                          every call of Predict fails
//
// Element i of image b of every output is i + the first value that image b was fed, plus 0.5 for another card
// than 0 and 0.25 for the precision mode "preferred_fp32"; "image" is the axis of length -1, or the first one.

#include "include/api/model.h"

#include <cstring>
#include <fstream>
#include <sstream>

namespace mindspore {
namespace {

size_t size_of(enum DataType type) {
  switch (type) {
    case DataType::kNumberTypeInt64:
      return 8;
    case DataType::kNumberTypeFloat32:
    case DataType::kNumberTypeInt32:
      return 4;
    case DataType::kNumberTypeFloat16:
      return 2;
    default:
      return 1;
  }
}

enum DataType type_named(const std::string& name) {
  if (name == "float16") return DataType::kNumberTypeFloat16;
  if (name == "float64") return DataType::kNumberTypeFloat64;
  if (name == "int32") return DataType::kNumberTypeInt32;
  if (name == "int64") return DataType::kNumberTypeInt64;
  if (name == "int8") return DataType::kNumberTypeInt8;
  if (name == "uint8") return DataType::kNumberTypeUInt8;
  if (name == "bool") return DataType::kNumberTypeBool;
  return DataType::kNumberTypeFloat32;
}

float half_value(uint16_t half) {  // of normal numbers and zero
  if ((half & 0x7FFFU) == 0) return 0.0F;
  const uint32_t bits = (half & 0x8000U) << 16 | ((half & 0x7FFFU) + 0x1C000U) << 13;
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

template <typename Number>
void put(std::vector<uint8_t>& bytes, size_t at, Number value) {
  std::memcpy(bytes.data() + at * sizeof value, &value, sizeof value);
}

}  // namespace

class MSTensor::Impl {
 public:
  std::string name;
  enum DataType type = DataType::kNumberTypeFloat32;
  std::vector<int64_t> shape, declared;  // declared: as in the file, -1 where free
  std::vector<uint8_t> bytes;

  size_t count() const {
    size_t product = 1;
    for (int64_t side : shape) product *= side < 0 ? 0 : static_cast<size_t>(side);
    return product;
  }
  void allocate() { bytes.assign(count() * size_of(type), 0); }
  void set(size_t at, float value) {
    switch (type) {
      case DataType::kNumberTypeInt64:
        return put(bytes, at, static_cast<int64_t>(value));
      case DataType::kNumberTypeInt32:
        return put(bytes, at, static_cast<int32_t>(value));
      case DataType::kNumberTypeFloat32:
        return put(bytes, at, value);
      default:
        return put(bytes, at, static_cast<uint8_t>(static_cast<int64_t>(value) % 2));
    }
  }
};

std::string MSTensor::Name() const { return impl_->name; }
enum DataType MSTensor::DataType() const { return impl_->type; }
const std::vector<int64_t>& MSTensor::Shape() const { return impl_->shape; }
std::shared_ptr<const void> MSTensor::Data() const {
  return impl_->bytes.empty() ? nullptr : std::shared_ptr<const void>(impl_, impl_->bytes.data());
}
void* MSTensor::MutableData() { return impl_->bytes.data(); }
size_t MSTensor::DataSize() const { return impl_->bytes.size(); }

class ModelImpl {
 public:
  std::vector<std::shared_ptr<MSTensor::Impl>> inputs;
  std::vector<MSTensor::Impl> outputs;
  bool fails = false;
  float offset = 0;
};

Model::Model() : impl_(std::make_shared<ModelImpl>()) {}
Model::~Model() = default;

Status Model::Build(const std::string& model_path, ModelType, const std::shared_ptr<Context>& context) {
  std::ifstream file(model_path);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string what, type;
    MSTensor::Impl tensor;
    words >> what >> tensor.name >> type;
    tensor.type = type_named(type);
    for (int64_t side = 0; words >> side;) tensor.shape.push_back(side);
    tensor.declared = tensor.shape;
    tensor.allocate();
    if (what == "input") {
      impl_->inputs.push_back(std::make_shared<MSTensor::Impl>(tensor));
    } else if (what == "output") {
      impl_->outputs.push_back(tensor);
    } else if (what == "fail") {
      impl_->fails = true;
    } else {
      return {kLiteError, "the file is no network"};
    }
  }
  for (const auto& device : context->MutableDeviceInfo()) {
    if (const auto* ascend = dynamic_cast<const AscendDeviceInfo*>(device.get())) {
      impl_->offset += ascend->GetDeviceID() != 0 ? 0.5F : 0.0F;
      impl_->offset += ascend->GetPrecisionMode() == "preferred_fp32" ? 0.25F : 0.0F;
    }
  }
  return kSuccess;
}

std::vector<MSTensor> Model::GetInputs() {
  std::vector<MSTensor> inputs;
  for (const auto& input : impl_->inputs) inputs.emplace_back(input);
  return inputs;
}

Status Model::Resize(const std::vector<MSTensor>& inputs, const std::vector<std::vector<int64_t>>& dims) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    for (size_t k = 0; k < dims[i].size(); ++k) {
      const int64_t side = impl_->inputs[i]->declared[k];
      if (side >= 0 && side != dims[i][k]) return {kLiteError, "a fixed size cannot change"};
    }
    impl_->inputs[i]->shape = dims[i];
    impl_->inputs[i]->allocate();
  }
  return kSuccess;
}

Status Model::Predict(const std::vector<MSTensor>&, std::vector<MSTensor>* outputs) {
  if (impl_->fails) return {kLiteError, "out of memory"};
  const MSTensor::Impl& input = *impl_->inputs[0];
  const auto images = static_cast<size_t>(input.shape[0]);
  std::vector<float> first(images);
  for (size_t b = 0; b < images; ++b) {
    const uint8_t* from = input.bytes.data() + input.bytes.size() / images * b;
    if (input.type == DataType::kNumberTypeFloat16) {
      uint16_t half = 0;
      std::memcpy(&half, from, sizeof half);
      first[b] = half_value(half);
    } else {
      std::memcpy(&first[b], from, sizeof(float));
    }
  }
  outputs->clear();
  for (const MSTensor::Impl& described : impl_->outputs) {
    auto output = std::make_shared<MSTensor::Impl>(described);
    size_t axis = 0;
    for (size_t k = 0; k < output->shape.size(); ++k) {
      if (output->shape[k] < 0) axis = k;
    }
    output->shape[axis] = static_cast<int64_t>(images);
    output->allocate();
    size_t inner = 1;
    for (size_t k = axis + 1; k < output->shape.size(); ++k) inner *= static_cast<size_t>(output->shape[k]);
    for (size_t i = 0; i < output->count(); ++i) {
      const size_t image = i / inner % images, own = i / (inner * images) * inner + i % inner;
      output->set(i, static_cast<float>(own) + first[image] + impl_->offset);
    }
    outputs->emplace_back(output);
  }
  return kSuccess;
}

}  // namespace mindspore
