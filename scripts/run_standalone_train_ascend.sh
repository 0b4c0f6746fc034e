#!/usr/bin/env bash
# Train CTPN in one process on Ascend.
#
# Usage: bash scripts/run_standalone_train_ascend.sh TASK_TYPE [PRETRAINED_PATH] [DEVICE_ID] [CONFIG_PATH] [--key value ...]
#   TASK_TYPE        Pretraining or Finetune
#   PRETRAINED_PATH  backbone (Pretraining; empty or left out trains from scratch) or checkpoint (Finetune)
# Example: bash scripts/run_standalone_train_ascend.sh Pretraining backbone/0-150_5004.ckpt 0
#
# Everything is written to ./train: the log, loss_0.log and the checkpoints in ckpt_0.
set -euo pipefail
# shellcheck source=scripts/lib/train.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/train.sh"
standalone_train Ascend "$@"
