#!/usr/bin/env bash
# Train CTPN in one process on CPU.
#
# Usage: bash scripts/run_standalone_train_cpu.sh TASK_TYPE [PRETRAINED_PATH] [DEVICE_ID] [CONFIG_PATH] [--key value ...]
#   TASK_TYPE        Pretraining or Finetune
#   PRETRAINED_PATH  backbone (Pretraining; '' trains from scratch) or checkpoint (Finetune)
#   DEVICE_ID        number of the device
# What is left out comes from the configuration.
# Example: bash scripts/run_standalone_train_cpu.sh Pretraining backbone/0-150_5004.ckpt 0
#
# Everything is written to ./train: the log, loss_0.log and the checkpoints in ckpt_0. Stopping it (Ctrl-C, kill)
# saves a checkpoint first; the same command with --resume continues, its log included.
# Without it, a training that is already in ./train is moved to ./train-DATE first.
if [ -z "${BASH_VERSION:-}" ] || [ -n "${POSIXLY_CORRECT:-}" ]; then exec env -u POSIXLY_CORRECT bash "$0" "$@"; fi # sh
set -euo pipefail
# shellcheck source=scripts/lib/train.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/train.sh"
standalone_train CPU "$@"
