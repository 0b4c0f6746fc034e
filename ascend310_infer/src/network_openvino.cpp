#include <openvino/openvino.hpp>

#include "errors.h"
#include "network.h"

namespace infer {
namespace {

DType dtype_of(const ov::element::Type& type) {
  if (type == ov::element::f32) return DType::kFloat32;
  if (type == ov::element::f16) return DType::kFloat16;
  if (type == ov::element::i32) return DType::kInt32;
  if (type == ov::element::i64) return DType::kInt64;
  if (type == ov::element::i8) return DType::kInt8;
  if (type == ov::element::u8) return DType::kUInt8;
  if (type == ov::element::boolean) return DType::kBool;
  throw UserError("outputs of type " + type.get_type_name() + " cannot be written");
}

std::int64_t size_or_free(const ov::Dimension& dimension) {
  return dimension.is_static() ? dimension.get_length() : 0;
}

ov::Dimension dimension(std::int64_t size) { return size == 0 ? ov::Dimension() : ov::Dimension(size); }

class OpenVinoNetwork : public Network {
 public:
  OpenVinoNetwork(const std::filesystem::path& model, const Options& options) : options_(options) {
    model_ = core_.read_model(model.string());
    if (model_->inputs().size() != 1) {
      throw UserError(std::to_string(model_->inputs().size()) + " inputs; a network with one is expected");
    }
    const ov::PartialShape shape = model_->input().get_partial_shape();
    if (shape.rank().is_dynamic() || shape.size() != 4) {
      throw UserError("an input of shape " + shape.to_string() + "; (batch, channels, height, width) is expected");
    }
    if (model_->input().get_element_type() != ov::element::f32) {
      throw UserError("an input of type " + model_->input().get_element_type().get_type_name() + "; f32 is expected");
    }
    input_ = {size_or_free(shape[0]), size_or_free(shape[1]), size_or_free(shape[2]), size_or_free(shape[3])};
  }

  std::string runtime() const override { return "openvino on CPU"; }

  InputShape input() const override { return input_; }

  std::string note(const std::string& key) const override {
    // The reader of ONNX files keeps their metadata here.
    return model_->has_rt_info("framework", key) ? model_->get_rt_info<std::string>("framework", key) : "";
  }

  void prepare(const InputShape& shape) override {
    model_->reshape(
        {dimension(shape.batch), dimension(shape.channels), dimension(shape.height), dimension(shape.width)});
    // Pinned threads wait for their core while another process has it, and other cores are free.
    ov::AnyMap settings = {ov::hint::performance_mode(ov::hint::PerformanceMode::LATENCY),
                           ov::hint::enable_cpu_pinning(false)};
    if (options_.infer_threads > 0) settings.insert(ov::inference_num_threads(options_.infer_threads));
    if (options_.precision == "f32") settings.insert(ov::hint::inference_precision(ov::element::f32));
    request_ = core_.compile_model(model_, "CPU", settings).create_infer_request();
  }

  std::vector<Tensor> run(const std::vector<float>& input, const InputShape& shape) override {
    const ov::Shape sizes = {static_cast<std::size_t>(shape.batch), static_cast<std::size_t>(shape.channels),
                             static_cast<std::size_t>(shape.height), static_cast<std::size_t>(shape.width)};
    // The tensor only reads the memory, though its constructor takes it as writable.
    request_.set_input_tensor(ov::Tensor(ov::element::f32, sizes, const_cast<float*>(input.data())));
    request_.infer();
    std::vector<Tensor> outputs;
    for (std::size_t i = 0; i < model_->outputs().size(); ++i) {
      const ov::Tensor found = request_.get_output_tensor(i);
      const auto& names = model_->output(i).get_names();
      const auto* bytes = static_cast<const std::uint8_t*>(found.data());
      outputs.push_back({names.empty() ? "" : *names.begin(),
                         dtype_of(found.get_element_type()),
                         {},
                         {bytes, bytes + found.get_byte_size()}});
      for (std::size_t size : found.get_shape()) outputs.back().shape.push_back(static_cast<std::int64_t>(size));
    }
    return outputs;
  }

 private:
  Options options_;
  ov::Core core_;
  std::shared_ptr<ov::Model> model_;
  InputShape input_;
  ov::InferRequest request_;
};

}  // namespace

const Backend& backend() {
  static const Backend openvino = {"openvino", {"CPU"}, {"f32", "auto"}};
  return openvino;
}

std::unique_ptr<Network> open_network(const std::filesystem::path& model, const Options& options) {
  try {
    return std::make_unique<OpenVinoNetwork>(model, options);
  } catch (const std::exception& error) {  // OpenVINO's own, and those above
    throw UserError("model_path: OpenVINO cannot use '" + model.string() + "': " + error.what());
  }
}

}  // namespace infer
