#!/usr/bin/env bash
# Train in several processes on the CPU of this host: what the scripts for devices do, where there are none.
#
# Usage: bash scripts/run_distribute_train_cpu.sh PROCESSES [TASK_TYPE] [PRETRAINED_PATH] [CONFIG_PATH] [--key value ...]
#   PROCESSES        how many
#   TASK_TYPE        Pretraining or Finetune
#   PRETRAINED_PATH  backbone (Pretraining; '' trains from scratch) or checkpoint (Finetune)
#   CONFIG_PATH      a configuration other than default_config.yaml
#   --bind_core V    True (default): each process on its share of the cores; False; or cores as msrun takes them
# What is left out comes from the configuration; for CRNN, which has no TASK_TYPE, give --network crnn.
# Example: bash scripts/run_distribute_train_cpu.sh 2 Pretraining '' configs/ctpn_quickstart.yaml
# Example: bash scripts/run_distribute_train_cpu.sh 2 --network crnn --lmdb_root data/crnn
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
split_arguments "$@"
((${#POSITIONAL[@]} >= 1)) || wrong_usage "PROCESSES is missing"
[[ $1 =~ ^[1-9][0-9]*$ ]] || fail "PROCESSES: '$1' is not a number from 1"
distributed_train CPU "$@"
