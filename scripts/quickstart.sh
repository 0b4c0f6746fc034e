#!/usr/bin/env bash
# From a fresh machine to read text, or to a small network of your own.
#
# Usage: bash scripts/quickstart.sh [IMAGE ...] [--key value ...]
#        bash scripts/quickstart.sh --train [--tiny] [--key value ...]
# Example: bash scripts/quickstart.sh photo.jpg
#
# The first form reads images, docs/images/sample.jpg if none is named, with the weights in weights/, and writes
# what it read to output/quickstart; --key value goes to predict.py. The second renders images with text, trains a
# small CTPN on them, evaluates and exports it (configs/ctpn_quickstart.yaml, about half an hour on two cores);
# --tiny does all of that on a few images in a few minutes, to see that it works, not to learn much. --key value
# goes to each of its steps. What is finished is not done again; a training that was stopped goes on.
#
# Reading needs Python 3.10 or newer and installs requirements-read.txt, without MindSpore; --train needs Python 3.10,
# 3.11 or 3.12 and installs requirements.txt. Uses the active virtual environment, or makes .venv in the repository;
# PYTHON names another interpreter.
if [ -z "${BASH_VERSION:-}" ] || [ -n "${POSIXLY_CORRECT:-}" ]; then exec env -u POSIXLY_CORRECT bash "$0" "$@"; fi # sh
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/environment.sh
source "$ROOT/scripts/lib/environment.sh"

hint='' # what to say when a step fails
trap 'code=$?; ((code == 0)) || [[ -z $hint ]] || printf "\nquickstart: %s\n" "$hint" >&2' EXIT

main() {
  local train=0 tiny=0 argument
  local -a arguments=()
  for argument in "$@"; do
    case $argument in
      --train) train=1 ;;
      --tiny) tiny=1 ;;
      *) arguments+=("$argument") ;;
    esac
  done
  split_arguments ${arguments[@]+"${arguments[@]}"}
  if ((train)); then
    ((${#POSITIONAL[@]} == 0)) || wrong_usage "'${POSITIONAL[0]}': --train takes no images"
    install requirements.txt 12
    train_small "$tiny"
  else
    ((tiny == 0)) || wrong_usage "--tiny belongs to --train"
    check_weights
    check_images
    install requirements-read.txt
    read_images
  fi
}

# version_of INTERPRETER: print 3.11 or the like; nothing where it does not run.
version_of() {
  "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

# choose_python [NEWEST]: set PYTHON to an interpreter from 3.10 up to 3.NEWEST, or without a limit.
choose_python() {
  local newest=${1:-} accepted='Python 3.10 or newer is needed'
  [[ -z $newest ]] || accepted="Python 3.10 to 3.$newest is needed, MindSpore has no package for others"
  local -a candidates=(python3.11 python3.12 python3.10 python3 python)
  if [[ -n ${VIRTUAL_ENV:-} ]]; then
    candidates=(python)
  elif [[ -x $ROOT/.venv/bin/python ]]; then
    candidates=("$ROOT/.venv/bin/python")
  elif [[ -n ${PYTHON:-} ]]; then
    candidates=("$PYTHON")
  fi
  local candidate version seen=''
  for candidate in "${candidates[@]}"; do
    version=$(version_of "$candidate")
    if [[ $version =~ ^3\.([0-9]+)$ ]] && ((BASH_REMATCH[1] >= 10 && BASH_REMATCH[1] <= ${newest:-99})); then
      PYTHON=$candidate
      return
    fi
    [[ -z $version ]] || seen+=", $candidate is $version"
  done
  fail "$accepted${seen:-, and ${candidates[0]} does not run}; install one, and name it if it is not found:" \
    "PYTHON=/path/to/python3.11 bash scripts/quickstart.sh"
}

# install REQUIREMENTS_FILE [NEWEST]: an environment that holds what the file lists; NEWEST as for choose_python.
install() {
  local requirements=$1
  choose_python "${2:-}"
  if [[ -z ${VIRTUAL_ENV:-} && ! -x $ROOT/.venv/bin/python ]]; then
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
      fail "this Python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"
  fi
  hint="the packages could not be installed; pip says why above. Without a network, fetch them elsewhere with
  pip download -r $requirements -d packages
and come back with: PIP_NO_INDEX=1 PIP_FIND_LINKS=/path/to/packages bash scripts/quickstart.sh"
  made_here=0
  if [[ -z ${VIRTUAL_ENV:-} ]]; then
    made_here=1
    [[ -x $ROOT/.venv/bin/python ]] || echo "== the first time, packages are fetched, which can take several minutes"
  fi
  pushd "$ROOT" >/dev/null
  use_environment "$requirements"
  popd >/dev/null
  hint=''
}

# check_weights: before anything is downloaded.
check_weights() {
  local missing=''
  is_option ctpn_weights || is_false detect || [[ -f $ROOT/weights/ctpn.ckpt ]] || missing=ctpn
  if [[ ! -f $ROOT/weights/crnn.ckpt && ! -f $ROOT/weights/crnn_lines.ckpt ]]; then
    is_option crnn_weights || is_option crnn_lines_weights || is_false recognize || missing+="${missing:+ and }crnn"
  fi
  [[ -z $missing ]] || fail "this copy of the repository has no weights of $missing in weights/: clone it anew," \
    "name checkpoints with --ctpn_weights FILE --crnn_weights FILE, or train: bash scripts/quickstart.sh --train"
}

# is_false KEY: whether OPTIONS says --KEY false.
is_false() {
  [[ " ${OPTIONS[*]-} " =~ \ --$1[=\ ](false|False)\  ]]
}

check_images() {
  ((${#POSITIONAL[@]} > 0)) || POSITIONAL=("$ROOT/docs/images/sample.jpg")
  local image
  for image in "${POSITIONAL[@]}"; do
    [[ $image == - || -e $image ]] || fail "'$image' does not exist"
  done
}

read_images() {
  is_option output_dir || OPTIONS+=(--output_dir "$ROOT/output/quickstart")
  is_option draw || OPTIONS+=(--draw true)
  echo "== reading ${POSITIONAL[*]}"
  hint="reading failed; python predict.py --check says what works here and what does not"
  python "$ROOT/predict.py" "${POSITIONAL[@]}" "${OPTIONS[@]}"
  hint=''
  echo
  echo "== done. The text is above; in the folder of the results, for each image, are"
  echo "  NAME.drawn.jpg   the image with boxes, texts and scores"
  echo "  NAME.json        the same as JSON, described in docs/reading.md"
  next_steps
  echo "  python predict.py photo.jpg --draw            one image of yours"
  echo "  python predict.py photos --recursive --draw   a folder, with a page of all results"
  echo "  python predict.py --check                     what is installed, which engines and weights are there"
  echo "  bash scripts/quickstart.sh --train            render data, train a small detector, evaluate, export"
  echo "  README.md                                     everything else"
}

next_steps() {
  echo
  echo "== what to do next, in $ROOT"
  ((made_here == 0)) || echo "  source .venv/bin/activate                     once in every new terminal"
}

# train_small TINY
train_small() {
  local tiny=$1 data=data/quick output=output/quick
  local -a counts=(1200 100 150) size=(384x256) changes=()
  if ((tiny)); then
    data=data/quick_tiny output=output/quick_tiny counts=(48 8 8) size=(192x128)
    is_option img_width || changes+=(--img_width 192)
    is_option img_height || changes+=(--img_height 128)
    is_option pre_total_epoch || changes+=(--pre_total_epoch 2)
    is_option pre_warmup_step || changes+=(--pre_warmup_step 2)
  fi
  local checkpoint=$output/ckpt_0/best_acc.ckpt
  local -a shared=(--config_path configs/ctpn_quickstart.yaml ${changes[@]+"${changes[@]}"}
    ${OPTIONS[@]+"${OPTIONS[@]}"})
  cd -- "$ROOT"
  mkdir -p -- "$data" "$output"
  hint="stopped at this step, which says why above; the same command goes on from here"

  local -a sets=(train val test) seeds=(1 2000001 1000001)
  local i
  for i in 0 1 2; do
    once "$data/${sets[i]}/manifest.json" "1/5 rendering ${counts[i]} images to $data/${sets[i]}" \
      python src/synthesize.py scenes --output "$data/${sets[i]}" --count "${counts[i]}" --difficulty easy \
      --size "${size[0]}" --seed "${seeds[i]}"
  done
  once "$data/.records" "2/5 packing the training and test images" \
    python src/create_dataset.py "${shared[@]}" --folder_train_path "[$data/train/images, $data/train/gt]" \
    --folder_test_path "[$data/test/images, $data/test/gt]" --pretrain_dataset_path "$data/pretrain" \
    --test_dataset_path "$data/test_mindrecord"
  once "$data/.val_records" "2/5 packing the validation images" \
    python src/create_dataset.py "${shared[@]}" --train_dataset "[]" \
    --folder_test_path "[$data/val/images, $data/val/gt]" --test_dataset_path "$data/val_mindrecord"
  once "$output/.trained" "3/5 training; Ctrl-C saves, and the same command goes on" \
    python train.py "${shared[@]}" --pretraining_dataset_file "$data/pretrain/ctpn_pretrain.mindrecord0" \
    --eval_dataset_path "$data/val_mindrecord/ctpn_test.mindrecord" --save_checkpoint_path "$output" --resume True
  step "4/5 evaluating on the test images" \
    python eval.py "${shared[@]}" --checkpoint_path "$checkpoint" \
    --dataset_path "$data/test_mindrecord/ctpn_test.mindrecord" --eval_output_path "${output}_eval"
  step "5/5 exporting" \
    python export.py "${shared[@]}" --ckpt_file "$checkpoint" --file_format ONNX --file_name "$output/ctpn"
  hint=''

  echo
  echo "== done"
  ((tiny == 0)) || echo "  (every step works; so few images teach nothing, so that the metrics above are about 0)"
  echo "  $checkpoint          the network"
  echo "  $output/ctpn.onnx                     the same for ONNX runtimes"
  echo "  ${output}_eval/pictures_best_acc     the test images, what was found and what is there"
  next_steps
  echo "  python predict.py $data/test/images --ctpn_weights $checkpoint --recognize false --draw"
  echo "                                                find text with your network"
  echo "  docs/detection_data.md, docs/training_ctpn.md  train the full-size network on real photographs"
}

# step TITLE COMMAND...
step() {
  printf '\n== %s\n' "$1"
  shift
  "$@"
}

# once FILE TITLE COMMAND...: nothing where FILE is there; else the command, and then FILE.
once() {
  local file=$1 title=$2
  shift 2
  if [[ -e $file ]]; then
    printf '\n== %s: done before (%s)\n' "$title" "$file"
    return
  fi
  step "$title" "$@"
  [[ -e $file ]] || : >"$file"
}

main "$@"
