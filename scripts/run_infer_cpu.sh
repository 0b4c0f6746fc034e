#!/usr/bin/env bash
# Run an exported network on CPU with the C++ application and OpenVINO, and score what it finds.
#
# Usage: bash scripts/run_infer_cpu.sh MODEL_PATH DATA_PATH [ANN_FILE_PATH] [DEVICE_ID] [--key value ...]
#   MODEL_PATH     the network as ONNX (export.py --file_format ONNX)
#   DATA_PATH      folder of images
#   ANN_FILE_PATH  their ground truth: folder of gt_*.txt, or gt.zip; for CRNN a file of lines `image, "text"`.
#                  Empty gives results without metrics.
#   DEVICE_ID      accepted as on Ascend, without meaning here
# Example: bash scripts/run_infer_cpu.sh ctpn.onnx ICDAR2013/test/images ICDAR2013/test/gt
#
# --batch_size, --threads, --infer_threads, --precision are for the application; other options are keys of the
# configuration (--config_path configs/crnn.yaml for CRNN).
# Everything is written to ./infer: the log, outputs in result_Files, times in time_Result, what was found.
if [ -z "${BASH_VERSION:-}" ] || [ -n "${POSIXLY_CORRECT:-}" ]; then exec env -u POSIXLY_CORRECT bash "$0" "$@"; fi # sh
set -euo pipefail
# shellcheck source=scripts/lib/infer.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/infer.sh"
infer openvino .onnx "$@"
