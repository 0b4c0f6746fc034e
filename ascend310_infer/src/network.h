#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "options.h"
#include "tensor.h"

namespace infer {

/// Sizes of a network's input (batch, channels, height, width); 0 where they are free.
struct InputShape {
  std::int64_t batch = 0;
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
};

/// An exported network in the runtime that this application was built for.
class Network {
 public:
  virtual ~Network() = default;

  /// What computes it, for people.
  virtual std::string runtime() const = 0;

  /// The only input of the file's network.
  virtual InputShape input() const = 0;

  /// A text that the exporter left in the file, "" where there is none.
  virtual std::string note(const std::string& key) const = 0;

  /// Fix the sizes that are free; those that stay 0 vary from call to call. Once, before `run`.
  virtual void prepare(const InputShape& shape) = 0;

  /// Compute the outputs for `input`, (batch, channels, height, width) of `shape` in C order.
  virtual std::vector<Tensor> run(const std::vector<float>& input, const InputShape& shape) = 0;
};

/// What a backend is called and accepts; the first of each list is its default.
struct Backend {
  std::string name;
  std::vector<std::string> devices;
  std::vector<std::string> precisions;
};

const Backend& backend();

/// Load an exported network. Throws UserError, which names the file.
std::unique_ptr<Network> open_network(const std::filesystem::path& model, const Options& options);

}  // namespace infer
