#!/usr/bin/env bash
# Run an exported network on an Ascend 310, 310P or 910 with the C++ application, and score what it finds.
#
# Usage: bash scripts/run_infer_310.sh MODEL_PATH DATA_PATH [ANN_FILE_PATH] [DEVICE_ID] [--key value ...]
#   MODEL_PATH     the network as MINDIR (export.py --file_format MINDIR)
#   DATA_PATH      folder of images
#   ANN_FILE_PATH  their ground truth: folder of gt_*.txt, or gt.zip; for CRNN a file of lines `image, "text"`.
#                  Empty gives results without metrics.
#   DEVICE_ID      the device, 0 when left out
# Example: bash scripts/run_infer_310.sh ctpn.mindir ICDAR2013/test/images ICDAR2013/test/gt 0
#
# LITE_HOME names the unpacked MindSpore Lite package. --batch_size, --threads, --precision, --device_target are for
# the application; other options are keys of the configuration (--config_path configs/crnn.yaml for CRNN).
# Everything is written to ./infer: the log, outputs in result_Files, times in time_Result, what was found.
if [ -z "${BASH_VERSION:-}" ] || [ -n "${POSIXLY_CORRECT:-}" ]; then exec env -u POSIXLY_CORRECT bash "$0" "$@"; fi # sh
set -euo pipefail
# shellcheck source=scripts/lib/infer.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/infer.sh"
infer mindspore_lite .mindir "$@"
