# shellcheck shell=bash
# shellcheck source=scripts/lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=scripts/lib/ranks.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/ranks.sh"
# shellcheck source=scripts/lib/runs.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/runs.sh"

# standalone_train DEVICE_TARGET TASK_TYPE [PRETRAINED_PATH] [DEVICE_ID] [CONFIG_PATH] [--key value ...]
standalone_train() {
  local device=$1
  shift
  split_arguments "$@"
  local count=${#POSITIONAL[@]}
  ((count >= 1)) || wrong_usage "TASK_TYPE is missing"
  ((count <= 4)) || wrong_usage "$count arguments before the first --key, at most 4 expected"
  local device_id=${POSITIONAL[2]:-} config=${POSITIONAL[3]:-}
  local -a arguments=(--device_target "$device")
  training_arguments "${POSITIONAL[@]:0:2}"
  if [[ -n $device_id ]]; then
    [[ $device_id =~ ^[0-9]+$ ]] || fail "DEVICE_ID: '$device_id' is not a number"
    export DEVICE_ID=$device_id
  fi
  add_config "$config"
  arguments+=(${OPTIONS[@]+"${OPTIONS[@]}"})

  local python RUN_FOLDER
  python=$(find_python)
  prepare_run train
  become "$RUN_FOLDER/log" "$python" "$ROOT/train.py" "${arguments[@]}"
}

# distributed_train DEVICE_TARGET PROCESSES [TASK_TYPE [PRETRAINED_PATH [CONFIG_PATH]]] [--key value ...]
# One process of train.py per device. PROCESSES is empty where RANK_TABLE or --device_num gives it.
distributed_train() {
  local device=$1 processes=$2
  shift 2
  split_arguments "$@"
  local count=${#POSITIONAL[@]}
  ((count <= 3)) || wrong_usage "$count arguments after the first, at most 3 expected before the first --key"
  local -a arguments=(--device_target "$device")
  ((count == 0)) || training_arguments "${POSITIONAL[@]:0:2}"
  add_config "${POSITIONAL[2]:-}"
  local BIND_CORE=${BIND_CORE:-True} SERVER_IP='' device_num=''
  take_option device_num device_num
  take_option bind_core BIND_CORE
  take_option server_ip SERVER_IP
  processes=${device_num:-$processes}
  [[ -n ${RANK_TABLE:-} || $processes =~ ^[1-9][0-9]*$ ]] ||
    fail "--device_num: '$processes' is not a number of devices from 1"
  arguments+=(--run_distribute True ${OPTIONS[@]+"${OPTIONS[@]}"})

  local python RANK_DEVICE=$device RANK_FOLDER=train_parallel
  python=$(find_python)
  launch_ranks "$python" "$processes" train_parallel0
}

# training_arguments TASK_TYPE [PRETRAINED_PATH]: check them and add them to `arguments`.
training_arguments() {
  check_task_type "$1"
  arguments+=(--task_type "$1")
  if (($# >= 2)); then
    [[ -z $2 || -f $2 ]] || fail "PRETRAINED_PATH: '$2' is not a file"
    arguments+=(--pre_trained "$2")
  fi
}

# add_config CONFIG_PATH: check it and add it to `arguments`; nothing where it is empty.
add_config() {
  [[ -n $1 ]] || return 0
  [[ -f $1 ]] || fail "CONFIG_PATH: '$1' is not a file"
  arguments+=(--config_path "$1")
}

# take_option KEY VARIABLE: take --KEY and its value out of OPTIONS into VARIABLE, which is left as it is without it.
take_option() {
  local -a others=()
  local position=0
  while ((position < ${#OPTIONS[@]})); do
    case ${OPTIONS[position]} in
      "--$1="*) printf -v "$2" '%s' "${OPTIONS[position]#*=}" ;;
      "--$1")
        position=$((position + 1))
        ((position < ${#OPTIONS[@]})) || wrong_usage "--$1: a value is missing"
        printf -v "$2" '%s' "${OPTIONS[position]}"
        ;;
      *) others+=("${OPTIONS[position]}") ;;
    esac
    position=$((position + 1))
  done
  OPTIONS=(${others[@]+"${others[@]}"})
}
