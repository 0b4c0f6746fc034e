#!/usr/bin/env bash
# Train CTPN on several GPUs of this host, one process per GPU.
#
# Usage: bash scripts/run_distribute_train_gpu.sh TASK_TYPE [PRETRAINED_PATH] [CONFIG_PATH] [--key value ...]
#   TASK_TYPE        Pretraining or Finetune
#   PRETRAINED_PATH  backbone (Pretraining; '' trains from scratch) or checkpoint (Finetune)
#   CONFIG_PATH      a configuration other than default_config.yaml
#   --device_num N   GPUs; default: those of CUDA_VISIBLE_DEVICES, else all that nvidia-smi lists, else 8
#   --bind_core V    True (default): each process on its share of the CPU cores; False; or cores as msrun takes them
# What is left out comes from the configuration.
# Example: bash scripts/run_distribute_train_gpu.sh Pretraining backbone/0-150_5004.ckpt
#
# Everything is written to ./train_parallel0: the log of rank 0, ckpt_0, loss_<rank>.log, and in ranks/ the logs of all
# processes; ./train_parallel<rank>/log leads to the log of another rank. Stopping it (Ctrl-C, kill) saves a checkpoint
# first, Ctrl-C once more ends it at once; the same command with --resume continues;
# without it, a training that is already there is moved to ./train_parallel0-DATE first. When one process fails, all
# are ended, and the script ends with its exit code.
if [ -z "${BASH_VERSION:-}" ] || [ -n "${POSIXLY_CORRECT:-}" ]; then exec env -u POSIXLY_CORRECT bash "$0" "$@"; fi # sh
set -euo pipefail
# shellcheck source=scripts/lib/train.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/train.sh"
# count_gpus: those that this process may use.
count_gpus() {
  if [[ -n ${CUDA_VISIBLE_DEVICES:-} ]]; then
    tr ',' '\n' <<<"$CUDA_VISIBLE_DEVICES" | grep -c .
  elif command -v nvidia-smi >/dev/null; then
    nvidia-smi --list-gpus | grep -c '^GPU '
  else
    printf '8\n'
  fi
}

split_arguments "$@"
((${#POSITIONAL[@]} >= 1)) || wrong_usage "TASK_TYPE is missing"
distributed_train GPU "$(count_gpus || true)" "$@"
