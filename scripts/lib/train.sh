# shellcheck shell=bash
# shellcheck source=scripts/lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

# standalone_train DEVICE_TARGET TASK_TYPE [PRETRAINED_PATH] [DEVICE_ID] [CONFIG_PATH] [--key value ...]
standalone_train() {
  local device=$1
  shift
  split_arguments "$@"
  local count=${#POSITIONAL[@]}
  ((count >= 1)) || wrong_usage "TASK_TYPE is missing"
  ((count <= 4)) || wrong_usage "$count arguments before the first --key, at most 4 expected"
  local task_type=${POSITIONAL[0]} pretrained=${POSITIONAL[1]:-} device_id=${POSITIONAL[2]:-} config=${POSITIONAL[3]:-}
  check_task_type "$task_type"
  local -a arguments=(--device_target "$device" --task_type "$task_type")
  if ((count >= 2)); then
    [[ -z $pretrained || -f $pretrained ]] || fail "PRETRAINED_PATH: '$pretrained' is not a file"
    arguments+=(--pre_trained "$pretrained")
  fi
  if [[ -n $device_id ]]; then
    [[ $device_id =~ ^[0-9]+$ ]] || fail "DEVICE_ID: '$device_id' is not a number"
    export DEVICE_ID=$device_id
  fi
  if [[ -n $config ]]; then
    [[ -f $config ]] || fail "CONFIG_PATH: '$config' is not a file"
    arguments+=(--config_path "$config")
  fi
  is_option save_checkpoint_path || arguments+=(--save_checkpoint_path train)

  local python
  python=$(find_python)
  become train/log "$python" "$ROOT/train.py" "${arguments[@]}" ${OPTIONS[@]+"${OPTIONS[@]}"}
}
