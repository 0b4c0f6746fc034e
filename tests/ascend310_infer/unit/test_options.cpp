#include "options.h"
#include "unit_test.h"

using infer::parse_options;

static infer::Options with(std::vector<std::string> more) {
  std::vector<std::string> all = {"--model_path", "a b.onnx", "--dataset_path=images"};
  all.insert(all.end(), more.begin(), more.end());
  return parse_options(all);
}

UNIT_TEST(both_spellings_and_defaults) {
  const infer::Options options = with({});
  CHECK(options.model_paths == std::vector<std::filesystem::path>{"a b.onnx"});
  CHECK(options.dataset_path == "images");
  CHECK(options.output_dir == "result_Files");
  CHECK(options.device_id == 0 && options.batch_size == 0 && !options.keep_ratio);
  CHECK(options.max_bad_ratio == 0.05 && options.max_image_pixels == 64'000'000);
  CHECK(with({"--device_id", "3"}).device_id == 3);
  CHECK(with({"--output_dir=a=b"}).output_dir == "a=b");
  CHECK(with({"--max_bad_ratio", "0.5"}).max_bad_ratio == 0.5);
}

UNIT_TEST(truth_values) {
  CHECK(with({"--keep_ratio"}).keep_ratio);
  CHECK(with({"--keep_ratio", "True"}).keep_ratio);
  CHECK(!with({"--keep_ratio=false"}).keep_ratio);
  CHECK(with({"--keep_ratio", "--threads", "2"}).threads == 2);
  CHECK_FAILS(with({"--keep_ratio", "yes"}), "keep_ratio: 'yes' is not true or false");
}

UNIT_TEST(widths) {
  CHECK((with({"--image_width", "100"}).image_width == std::vector<int>{100}));
  CHECK((with({"--image_width", "[100, 200, 400]"}).image_width == std::vector<int>{100, 200, 400}));
  CHECK_FAILS(with({"--image_width", "200,100"}), "does not ascend");
  CHECK_FAILS(with({"--image_width", "102"}), "102 is not a multiple of 4");
  CHECK_FAILS(with({"--image_width", "[]"}), "image_width: ''");
}

UNIT_TEST(mistakes_name_key_and_value) {
  CHECK_FAILS(with({"--device_id", "one"}), "device_id: 'one'");
  CHECK_FAILS(with({"--device_id=-1"}), "device_id: '-1'");
  CHECK_FAILS(with({"--device_id", "99999999999999"}), "device_id");
  CHECK_FAILS(with({"--batch_size", "2x"}), "batch_size: '2x'");
  CHECK_FAILS(with({"--max_bad_ratio", "1.5"}), "max_bad_ratio: '1.5'");
  CHECK_FAILS(with({"--max_bad_ratio", "nan"}), "max_bad_ratio: 'nan'");
  CHECK_FAILS(with({"--max_bad_ratio", ""}), "max_bad_ratio: ''");
  CHECK_FAILS(with({"--threads"}), "threads: a value is missing");
  CHECK_FAILS(with({"--bach_size", "2"}), "'--bach_size': unknown");
  CHECK_FAILS(with({"stray"}), "'stray': unknown");
  CHECK_FAILS(with({"--output_dir", ""}), "output_dir: is empty");
  CHECK_FAILS(parse_options({}), "model_path: is missing");
  CHECK_FAILS(parse_options({"--model_path", "x"}), "dataset_path: is missing");
}

UNIT_TEST(help_needs_nothing_else) {
  CHECK(parse_options({"--help"}).help && parse_options({"-h"}).help);
  CHECK(infer::usage().find("Example: main --model_path") != std::string::npos);
}
