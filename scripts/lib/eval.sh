# shellcheck shell=bash
# shellcheck source=scripts/lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

# evaluate DEVICE_TARGET [IMAGE_PATH] [DATASET_PATH] [CHECKPOINT_PATH] [CONFIG_PATH] [--key value ...]
evaluate() {
  local device=$1
  shift
  split_arguments "$@"
  ((${#POSITIONAL[@]} <= 4)) || wrong_usage "${#POSITIONAL[@]} arguments before the first --key, at most 4 expected"
  local -a names=(image_path dataset_path checkpoint_path config_path)
  local -a arguments=(--device_target "$device")
  local position value
  for position in "${!POSITIONAL[@]}"; do
    value=${POSITIONAL[position]}
    [[ -z $value ]] && continue
    [[ -e $value ]] || fail "${names[position]^^}: '$value' does not exist"
    arguments+=("--${names[position]}" "$value")
  done
  arguments+=(${OPTIONS[@]+"${OPTIONS[@]}"})
  is_option eval_output_path || arguments+=(--eval_output_path eval)

  local python
  python=$(find_python)
  logged "$(argument_value eval_output_path)/log" "$python" "$ROOT/eval.py" "${arguments[@]}"
}
