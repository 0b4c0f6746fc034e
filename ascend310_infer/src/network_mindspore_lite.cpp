#include <algorithm>
#include <cstring>

#include "errors.h"
#include "include/api/context.h"
#include "include/api/model.h"
#include "include/api/status.h"
#include "include/api/types.h"
#include "network.h"

namespace infer {
namespace {

DType dtype_of(mindspore::DataType type) {
  switch (type) {
    case mindspore::DataType::kNumberTypeFloat32:
      return DType::kFloat32;
    case mindspore::DataType::kNumberTypeFloat16:
      return DType::kFloat16;
    case mindspore::DataType::kNumberTypeInt32:
      return DType::kInt32;
    case mindspore::DataType::kNumberTypeInt64:
      return DType::kInt64;
    case mindspore::DataType::kNumberTypeInt8:
      return DType::kInt8;
    case mindspore::DataType::kNumberTypeUInt8:
      return DType::kUInt8;
    case mindspore::DataType::kNumberTypeBool:
      return DType::kBool;
    default:
      throw UserError("tensors of MindSpore's type " + std::to_string(static_cast<int>(type)) + " are not handled");
  }
}

/// Raise UserError when a call of MindSpore Lite failed.
void check(const mindspore::Status& status, const std::string& what) {
  if (status.IsError()) throw UserError(what + ": " + status.ToString());
}

std::shared_ptr<mindspore::Context> context_for(const Options& options) {
  auto context = std::make_shared<mindspore::Context>();
  if (options.infer_threads > 0) context->SetThreadNum(options.infer_threads);
  if (options.device_target == "CPU") {
    context->MutableDeviceInfo().push_back(std::make_shared<mindspore::CPUDeviceInfo>());
    return context;
  }
  auto ascend = std::make_shared<mindspore::AscendDeviceInfo>();
  ascend->SetDeviceID(static_cast<std::uint32_t>(options.device_id));
  if (options.precision == "f32") ascend->SetPrecisionMode("preferred_fp32");
  context->MutableDeviceInfo().push_back(ascend);
  return context;
}

class LiteNetwork : public Network {
 public:
  LiteNetwork(const std::filesystem::path& model, const Options& options)
      : runtime_("mindspore_lite on " + options.device_target) {
    if (options.device_target == "Ascend") runtime_ += " " + std::to_string(options.device_id);
    check(model_.Build(model.string(), mindspore::kMindIR, context_for(options)), "it cannot be built");
    inputs_ = model_.GetInputs();
    if (inputs_.size() != 1) {
      throw UserError(std::to_string(inputs_.size()) + " inputs; a network with one is expected");
    }
    const std::vector<std::int64_t>& shape = inputs_[0].Shape();
    if (shape.size() != 4) {
      throw UserError("an input of " + std::to_string(shape.size()) +
                      " dimensions; (batch, channels, height, width) is expected");
    }
    const DType dtype = dtype_of(inputs_[0].DataType());
    if (dtype != DType::kFloat32 && dtype != DType::kFloat16) {
      throw UserError(std::string("an input of ") + dtype_name(dtype) + "; float32 or float16 is expected");
    }
    const auto size_or_free = [](std::int64_t size) { return std::max<std::int64_t>(size, 0); };
    input_ = {size_or_free(shape[0]), size_or_free(shape[1]), size_or_free(shape[2]), size_or_free(shape[3])};
  }

  std::string runtime() const override { return runtime_; }

  InputShape input() const override { return input_; }

  std::string note(const std::string&) const override { return ""; }  // MINDIR files hold none

  void prepare(const InputShape&) override {}  // `run` follows the sizes it is given

  std::vector<Tensor> run(const std::vector<float>& input, const InputShape& shape) override {
    const std::vector<std::int64_t> sizes = {shape.batch, shape.channels, shape.height, shape.width};
    if (inputs_[0].Shape() != sizes) {
      check(model_.Resize(inputs_, {sizes}), "the network cannot be resized");
      inputs_ = model_.GetInputs();
    }
    fill(inputs_[0], input);
    std::vector<mindspore::MSTensor> found;
    check(model_.Predict(inputs_, &found), "the network failed");
    std::vector<Tensor> outputs;
    for (mindspore::MSTensor& tensor : found) {
      const std::shared_ptr<const void> data = tensor.Data();
      if (data == nullptr) throw UserError("output '" + tensor.Name() + "' has no data");
      const auto* bytes = static_cast<const std::uint8_t*>(data.get());
      outputs.push_back(
          {tensor.Name(), dtype_of(tensor.DataType()), tensor.Shape(), {bytes, bytes + tensor.DataSize()}});
    }
    return outputs;
  }

 private:
  static void fill(mindspore::MSTensor& tensor, const std::vector<float>& values) {
    const bool half = tensor.DataType() == mindspore::DataType::kNumberTypeFloat16;
    void* to = tensor.MutableData();
    if (to == nullptr || tensor.DataSize() != values.size() * (half ? 2 : 4)) {
      throw UserError("the network's input has " + std::to_string(tensor.DataSize()) + " bytes for " +
                      std::to_string(values.size()) + " values");
    }
    if (half) {
      std::transform(values.begin(), values.end(), static_cast<std::uint16_t*>(to), to_half);
    } else {
      std::memcpy(to, values.data(), tensor.DataSize());
    }
  }

  std::string runtime_;
  mindspore::Model model_;
  std::vector<mindspore::MSTensor> inputs_;
  InputShape input_;
};

}  // namespace

const Backend& backend() {
  static const Backend mindspore_lite = {"mindspore_lite", {"Ascend", "CPU"}, {"auto", "f32"}};
  return mindspore_lite;
}

std::unique_ptr<Network> open_network(const std::filesystem::path& model, const Options& options) {
  try {
    return std::make_unique<LiteNetwork>(model, options);
  } catch (const UserError& error) {
    throw UserError("model_path: MindSpore Lite cannot use '" + model.string() + "': " + error.what());
  }
}

}  // namespace infer
