# shellcheck shell=bash
# shellcheck source=scripts/lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

# standalone_train DEVICE_TARGET TASK_TYPE [PRETRAINED_PATH] [DEVICE_ID] [CONFIG_PATH] [--key value ...]
standalone_train() {
  local device=$1
  shift
  split_arguments "$@"
  if ((${#POSITIONAL[@]} < 1 || ${#POSITIONAL[@]} > 4)); then
    show_usage >&2
    exit 2
  fi
  local task_type=${POSITIONAL[0]} pretrained=${POSITIONAL[1]:-} device_id=${POSITIONAL[2]:-0}
  local config=${POSITIONAL[3]:-$ROOT/default_config.yaml}
  check_task_type "$task_type"
  [[ -z $pretrained || -f $pretrained ]] || fail "PRETRAINED_PATH: '$pretrained' is not a file"
  [[ -f $config ]] || fail "CONFIG_PATH: '$config' is not a file"
  [[ $device_id =~ ^[0-9]+$ ]] || fail "DEVICE_ID: '$device_id' is not a number"

  DEVICE_ID=$device_id logged train/log "$(find_python)" "$ROOT/train.py" --config_path "$config" \
    --device_target "$device" --task_type "$task_type" --pre_trained "$pretrained" \
    --save_checkpoint_path train ${OPTIONS[@]+"${OPTIONS[@]}"}
}
