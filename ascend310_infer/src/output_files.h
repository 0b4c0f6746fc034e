#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tensor.h"

namespace infer {

/// Whether files can be named for the image: file systems take 255 bytes.
bool has_room_for_outputs(const std::string& name);

/// Write the outputs for the image `name` (relative to the data set, with /) below `folder`.
///
/// One raw little-endian file per output, `<name>_0.bin`, ..., and `<name>.json`, which names the image, its size
/// and each output's file, name, dtype and shape: the format of src/postprocess/output_files.py. The JSON file is
/// written last, so that it never describes what is not there, and none is ever half written. Throws UserError.
void write_outputs(const std::filesystem::path& folder, const std::string& name, int height, int width,
                   const std::vector<Tensor>& outputs);

/// `text` as a JSON string in ASCII. Bytes that are not UTF-8 become lone surrogates (U+DC80 to U+DCFF), by which
/// Python knows such file names.
std::string json_string(const std::string& text);

}  // namespace infer
