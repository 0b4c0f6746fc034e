#include "output_names.h"
#include "unit_test.h"

using infer::NetworkKind;
using infer::Tensor;

static Tensor shaped(std::vector<std::int64_t> shape) {
  return {"made up", infer::DType::kFloat32, std::move(shape), {}};
}

static std::string names(std::vector<Tensor> outputs, NetworkKind kind, std::int64_t batch) {
  std::string text;
  for (const Tensor& output : infer::named_outputs(std::move(outputs), kind, batch)) text += output.name + " ";
  return text;
}

UNIT_TEST(outputs_are_known_by_their_shapes) {
  CHECK(names({shaped({2, 28, 4, 6}), shaped({2, 56, 4, 6})}, NetworkKind::kCtpn, 2) == "score_map delta_map ");
  CHECK(names({shaped({2, 56, 4, 6}), shaped({2, 28, 4, 6})}, NetworkKind::kCtpn, 2) == "score_map delta_map ");
  CHECK(names({shaped({1, 9, 5}), shaped({1, 9})}, NetworkKind::kCtpn, 1) == "proposals mask ");
  CHECK(names({shaped({1, 9}), shaped({1, 9, 5})}, NetworkKind::kCtpn, 1) == "proposals mask ");
  Tensor mask = shaped({1, 9});
  mask.dtype = infer::DType::kBool;
  CHECK(names({shaped({1, 9, 5}), mask, shaped({1, 9})}, NetworkKind::kCtpn, 1) == "proposals mask dx ");
  CHECK(names({shaped({1, 9}), shaped({1, 9, 5}), mask}, NetworkKind::kCtpn, 1) == "proposals mask dx ");
  CHECK(names({shaped({26, 3, 37})}, NetworkKind::kCrnn, 3) == "log_probs ");
}

UNIT_TEST(others_are_refused_with_their_shapes) {
  CHECK_FAILS(names({shaped({26, 3, 37})}, NetworkKind::kCrnn, 2), "(26, 3, 37)");
  CHECK_FAILS(names({shaped({2, 28, 4, 6})}, NetworkKind::kCtpn, 2), "(2, 28, 4, 6)");
  CHECK_FAILS(names({shaped({2, 28, 4, 6}), shaped({2, 28, 4, 6})}, NetworkKind::kCtpn, 2), "CTPN");
  CHECK_FAILS(names({shaped({1, 28, 4, 6}), shaped({1, 56, 4, 6})}, NetworkKind::kCtpn, 2), "2 images");
  CHECK_FAILS(names({shaped({1, 9, 5}), shaped({1, 8})}, NetworkKind::kCtpn, 1), "(1, 8)");
  CHECK_FAILS(names({shaped({1, 9, 5}), shaped({1, 9}), shaped({1, 9})}, NetworkKind::kCtpn, 1), "CTPN");
  CHECK_FAILS(names({}, NetworkKind::kCrnn, 1), "CRNN");
}

UNIT_TEST(the_kind_of_a_network) {
  CHECK(infer::network_kind({1, 3, 576, 960}) == NetworkKind::kCtpn);
  CHECK(infer::network_kind({0, 1, 32, 0}) == NetworkKind::kCrnn);
  CHECK_FAILS(infer::network_kind({1, 4, 8, 8}), "4 channels");
}
