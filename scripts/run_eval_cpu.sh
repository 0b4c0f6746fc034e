#!/usr/bin/env bash
# Evaluate CTPN on CPU: one checkpoint, or every checkpoint of a folder.
#
# Usage: bash scripts/run_eval_cpu.sh [IMAGE_PATH] [DATASET_PATH] [CHECKPOINT_PATH] [CONFIG_PATH] [--key value ...]
#   IMAGE_PATH       folder of the test images, which are drawn on
#   DATASET_PATH     MindRecord of the test set
#   CHECKPOINT_PATH  a checkpoint or a folder of them
# What is left out or empty comes from the configuration.
# Example: bash scripts/run_eval_cpu.sh ICDAR2013/test data/ctpn/test/ctpn_test.mindrecord train/ckpt_0
#
# Everything is written to ./eval: the log, metrics as JSON, submit_<checkpoint>.zip, images.
if [ -z "${BASH_VERSION:-}" ] || [ -n "${POSIXLY_CORRECT:-}" ]; then exec env -u POSIXLY_CORRECT bash "$0" "$@"; fi # sh
set -euo pipefail
# shellcheck source=scripts/lib/eval.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/eval.sh"
evaluate CPU "$@"
