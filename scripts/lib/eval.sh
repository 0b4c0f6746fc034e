# shellcheck shell=bash
# shellcheck source=scripts/lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

# evaluate DEVICE_TARGET [IMAGE_PATH] [DATASET_PATH] [CHECKPOINT_PATH] [CONFIG_PATH] [--key value ...]
evaluate() {
  local device=$1
  shift
  split_arguments "$@"
  if ((${#POSITIONAL[@]} > 4)); then
    show_usage >&2
    exit 2
  fi
  local -a given=()
  local -a names=(image_path dataset_path checkpoint_path config_path)
  local position value
  for position in "${!POSITIONAL[@]}"; do
    value=${POSITIONAL[position]}
    [[ -z $value ]] && continue
    [[ -e $value ]] || fail "${names[position]^^}: '$value' does not exist"
    given+=("--${names[position]}" "$value")
  done

  logged eval/log "$(find_python)" "$ROOT/eval.py" --device_target "$device" --eval_output_path eval \
    ${given[@]+"${given[@]}"} ${OPTIONS[@]+"${OPTIONS[@]}"}
}
