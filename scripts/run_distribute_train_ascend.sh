#!/usr/bin/env bash
# Train CTPN on several Ascend devices of one or several hosts, one process per device.
#
# Usage: bash scripts/run_distribute_train_ascend.sh RANK_TABLE_FILE TASK_TYPE [PRETRAINED_PATH] [CONFIG_PATH] [--key value ...]
#   RANK_TABLE_FILE  which device has which rank; scripts/hccl_tools.py writes one. '' does without: --device_num devices
#   TASK_TYPE        Pretraining or Finetune
#   PRETRAINED_PATH  backbone (Pretraining; '' trains from scratch) or checkpoint (Finetune)
#   CONFIG_PATH      a configuration other than default_config.yaml
#   --device_num N   devices; must be the number of the table where there is one
#   --bind_core V    True (default): each process on cores near its device; False; or cores as msrun --bind_core takes them
#   --server_ip IP   which server of the table this host is, where its addresses leave it open
# What is left out comes from the configuration. With several hosts, call it on each; MASTER_PORT=N chooses the port
# of the first that all can reach (8118).
# Example: bash scripts/run_distribute_train_ascend.sh hccl_8p_01234567_10.155.170.71.json Pretraining backbone/0-150_5004.ckpt
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
((${#POSITIONAL[@]} >= 1)) || wrong_usage "RANK_TABLE_FILE is missing"
((${#POSITIONAL[@]} >= 2)) || wrong_usage "TASK_TYPE is missing"
RANK_TABLE=''
if [[ -n $1 ]]; then
  [[ -f $1 ]] || fail "RANK_TABLE_FILE: '$1' is not a file"
  RANK_TABLE=$(realpath -- "$1")
fi
# Ranks meet after they have compiled their networks, which may take longer than HCCL's 120 s.
export HCCL_CONNECT_TIMEOUT=${HCCL_CONNECT_TIMEOUT:-600}
distributed_train Ascend '' "${@:2}"
