// Stand-in for the header of MindSpore Lite of this name: what the application uses of it, and nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "include/api/context.h"
#include "include/api/status.h"
#include "include/api/types.h"

namespace mindspore {

class ModelImpl;

class Model {
 public:
  Model();
  ~Model();
  Status Build(const std::string& model_path, ModelType model_type,
               const std::shared_ptr<Context>& context = nullptr);
  std::vector<MSTensor> GetInputs();
  Status Resize(const std::vector<MSTensor>& inputs, const std::vector<std::vector<int64_t>>& dims);
  Status Predict(const std::vector<MSTensor>& inputs, std::vector<MSTensor>* outputs);

 private:
  std::shared_ptr<ModelImpl> impl_;
};

}  // namespace mindspore
