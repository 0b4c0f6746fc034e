# shellcheck shell=bash
# shellcheck source=scripts/lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

# infer RUNTIME ENDING MODEL_PATH DATA_PATH [ANN_FILE_PATH] [DEVICE_ID] [--key value ...]
# Builds the C++ application for RUNTIME, runs the exported network (a file with ENDING) on the images and
# post-processes its outputs. Everything is written to ./infer.
infer() {
  local runtime=$1 ending=$2
  shift 2
  split_arguments "$@"
  local count=${#POSITIONAL[@]}
  ((count >= 2)) || wrong_usage "MODEL_PATH and DATA_PATH are needed"
  ((count <= 4)) || wrong_usage "$count arguments before the first --key, at most 4 expected"
  local model=${POSITIONAL[0]} data=${POSITIONAL[1]} truth=${POSITIONAL[2]:-} device=${POSITIONAL[3]:-0}
  [[ -f $model ]] || fail "MODEL_PATH: '$model' is not a file"
  [[ $model == *"$ending" ]] || fail "MODEL_PATH: '$model' does not end in $ending; export.py makes such a file"
  [[ -d $data ]] || fail "DATA_PATH: '$data' is not a folder"
  [[ -z $truth || -e $truth ]] || fail "ANN_FILE_PATH: '$truth' does not exist"
  [[ $device =~ ^[0-9]+$ ]] || fail "DEVICE_ID: '$device' is not a number"

  local -a application=(--model_path "$model" --dataset_path "$data" --device_id "$device"
    --output_dir infer/result_Files --time_dir infer/time_Result)
  divide_options
  is_option eval_output_path || OPTIONS+=(--eval_output_path infer)
  local -a postprocess=(--export_dataset_path "$data" --result_path infer/result_Files --label_path "$truth"
    ${OPTIONS[@]+"${OPTIONS[@]}"})

  local python settings
  python=$(find_python)
  # What the images were prepared like in training; a wrong key or value ends here, before anything is built.
  settings=$(application_settings "$python" "$model" "${postprocess[@]}")
  local setting
  while IFS= read -r setting; do
    application+=("$setting")
  done <<<"$settings"
  logged infer/log infer_steps "$runtime"
}

# divide_options: those of OPTIONS that are for the application into `application`; the others, keys of the
# configuration, stay.
divide_options() {
  local -a others=()
  local position=0 option
  while ((position < ${#OPTIONS[@]})); do
    option=${OPTIONS[position]}
    position=$((position + 1))
    case $option in
      --batch_size=* | --threads=* | --infer_threads=* | --precision=* | --device_target=* | --model_path=*)
        application+=("$option")
        ;;
      --batch_size | --threads | --infer_threads | --precision | --device_target | --model_path)
        ((position < ${#OPTIONS[@]})) || fail "${option#--}: a value is missing"
        application+=("$option" "${OPTIONS[position]}")
        position=$((position + 1))
        ;;
      *) others+=("$option") ;;
    esac
  done
  OPTIONS=(${others[@]+"${others[@]}"})
}

# application_settings PYTHON MODEL ARGUMENTS...: the values of the configuration and of the card of the exported network for
# preparing images, as options of the application, one per line.
application_settings() {
  local python=$1
  shift
  # The first place of the path is the folder where the user stands, whose "src" is not ours.
  "$python" -c '
import sys
from pathlib import Path
sys.path[0], model = sys.argv.pop(1), Path(sys.argv.pop(1))
from src.model_utils.command import run_command
from src.model_utils.config import load_config
from src.weights.card_config import apply_card
from src.postprocess.labels import check_labels
from src.weights.exported_card import exported_card

def main():
    config = load_config()
    card, name = exported_card(model)
    if card is not None:
        config, _ = apply_card(config, config.network, card, Path(name))
    check_labels(config.network, Path(config.export_dataset_path), config.label_path)
    config = config.to_dict()
    for key in ("keep_ratio", "max_bad_ratio", "max_image_pixels", "image_width"):
        if key in config:
            print(f"--{key}={config[key]}")

run_command(main)
' "$ROOT" "$@"
}

# infer_steps RUNTIME: uses `application`, `postprocess` and `python` of `infer`.
infer_steps() {
  local build=${INFER_BUILD_DIR:-$ROOT/ascend310_infer/build/$1}
  echo "== building the application with $1"
  PYTHON=$python bash "$ROOT/ascend310_infer/build.sh" "$1" "$build"
  echo "== running the network"
  rm -rf -- infer/result_Files # outputs of another network
  "$build/main" "${application[@]}"
  head -n 1 infer/time_Result/test_perform_static.txt
  echo "== post-processing"
  "$python" "$ROOT/postprocess.py" "${postprocess[@]}"
}
