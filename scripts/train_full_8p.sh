#!/usr/bin/env bash
# Train CRNN on eight devices and evaluate after each epoch.
#
# Usage: bash scripts/train_full_8p.sh --data_path=DIR [--epochs=N] [--batch_size=N] [--device_target=NAME] [--device_num=N]
#   --data_path      folder with the LMDBs MJ_LMDB (training) and IIIT5k_lmdb (test), in upper or lower case
#   --epochs         epochs (default 100)
#   --batch_size     words per step and device (default 2560 on Ascend and GPU, otherwise from configs/crnn.yaml)
#   --device_target  Ascend, GPU, CPU or auto (default auto)
#   --device_num     processes, one per device (default 8, or as many as the rank table has)
#   --rank_table_file  Ascend devices of one or several hosts, see scripts/hccl_tools.py; --server_ip chooses which of them
#                    this host is, where its addresses leave it open
#   --bind_core      True (default): each process on its share of the CPU cores; False; or cores as msrun takes them
#   --key=value      any other key of configs/crnn.yaml
# Example: bash scripts/train_full_8p.sh --data_path=data/crnn
#
# Everything is written to ./train_full_8p: the log, the checkpoints in ckpt_0, and in result.md the table that is
# printed at the end: the best Acc@1 on the test words, and the words per second (FPS) over all devices. Stopping it
# (Ctrl-C, kill) saves a checkpoint first; the same command with --resume=True continues; without it, a training that
# is already there is moved to a folder of that name and the date first.
if [ -z "${BASH_VERSION:-}" ] || [ -n "${POSIXLY_CORRECT:-}" ]; then exec env -u POSIXLY_CORRECT bash "$0" "$@"; fi # sh
set -euo pipefail
# shellcheck source=scripts/lib/train_crnn.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/train_crnn.sh"
train_crnn full 8 "$@"
