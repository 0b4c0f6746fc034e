#!/usr/bin/env bash
# Train both networks from a pack on a machine with a GPU, in three phases of about ten minutes each.
#
# Usage: bash pytorch/train_all.sh PACK_FOLDER OUTPUT_FOLDER PHASE
# PHASE: 1    words, and beside them the first half of the detector
#        2    lines, from the words' network, and beside them the second half of the detector
#        3    the detector once more on real images, from its weights
#        all  the three in one call
# Example: bash pytorch/train_all.sh pack output/gpu all
#
# PACK_FOLDER is what pack_data.py wrote. Python packages that the machine lacks can lie in PACK_FOLDER/wheels; they
# are installed, without a network, for these trainings only. OUTPUT_FOLDER receives of each training NAME the
# checkpoint for MindSpore, half precision, in pieces NAME.ckpt.aa, .ab, ... (put together with cat), its line in
# NAME.sha256, and NAME.logs.tgz.
#
# Variables: WORK_FOLDER (OUTPUT_FOLDER/work) holds the unpacked data and the trainings; keep it between phases.
# WORDS_MINUTES (8.3), LINES_MINUTES (8.7), MORE_MINUTES (5.5) are the lengths of the trainings of words, of lines and
# of phase 3, CTPN_MINUTES (17.1) that of the detector, of which CTPN_FIRST_MINUTES (8.3) are in phase 1. WORKERS
# (cores less one) processes make samples. CRNN_OPTIONS and CTPN_OPTIONS are keys of the recipes, such as
# "--base_lr 1e-3 --seed 3", which count in place of those set here. PYTHON names the interpreter.
if [ -z "${BASH_VERSION:-}" ] || [ -n "${POSIXLY_CORRECT:-}" ]; then exec env -u POSIXLY_CORRECT bash "$0" "$@"; fi # sh
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/../scripts/lib/common.sh"

PIECE_BYTES=15500000
TOOL=$ROOT/pytorch

for argument in "$@"; do
  if [[ $argument == -h || $argument == --help ]]; then
    show_usage
    exit 0
  fi
done
(($# == 3)) || wrong_usage "PACK_FOLDER, OUTPUT_FOLDER and PHASE are expected"
pack=$1 output=$2
case $3 in
  1 | 2 | 3) phases=("$3") ;;
  all) phases=(1 2 3) ;;
  *) wrong_usage "PHASE: '$3' is not 1, 2, 3 or all" ;;
esac
for archive in sets.tar.xz fonts.tar.xz; do
  [[ -f $pack/$archive ]] || fail "'$pack/$archive' is missing; make it with pytorch/pack_data.py"
done

python=$(find_python)
work=${WORK_FOLDER:-$output/work}
data=$work/data
mkdir -p -- "$output" "$work"
cores=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc) # which it would take for the number of cores
workers=${WORKERS:-$((cores > 2 ? cores - 1 : 1))}
half=$((workers > 1 ? workers / 2 : 1)) # of the detector; the words beside it get the rest
rest=$((workers > half ? workers - half : 1))
read -ra crnn_options <<<"${CRNN_OPTIONS:-}"
read -ra ctpn_options <<<"${CTPN_OPTIONS:-}"
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2} PYTHONUNBUFFERED=1
export PYTHONPATH=$work/site${PYTHONPATH:+:$PYTHONPATH}

# unpack: once; a call that was cut short does it again.
unpack() {
  [[ ! -e $data/ready ]] || return 0
  rm -rf -- "$data"
  mkdir -p -- "$data"
  if compgen -G "$pack/wheels/*.whl" >/dev/null; then
    "$python" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade \
      --target "$work/site" "$pack"/wheels/*.whl
  fi
  tar -C "$data" -xf "$pack/sets.tar.xz"
  tar -C "$data" -xf "$pack/fonts.tar.xz"
  touch -- "$data/ready"
}

# train PROGRAM NAME --KEY VALUE...: become a training, output in $work/NAME.out; of a key given twice the last counts.
train() {
  local program=$1 name=$2 options=() key
  local -A values=()
  shift 2
  while (($# > 1)); do
    values[$1]=$2
    shift 2
  done
  (($# == 0)) || fail "'$1': options are pairs, --key value"
  for key in "${!values[@]}"; do
    options+=("$key" "${values[$key]}")
  done
  exec "$python" "$TOOL/$program" --output "$work/$name" "${options[@]}" >>"$work/$name.out" 2>&1
}

# train_words NAME WORKERS --KEY VALUE...
train_words() {
  train train_crnn.py "$1" --workers "$2" "${text[@]}" --lmdb_root "$data/words" --pool_size 400000 --max_reuse 6 \
    --batch_size 1024 --base_lr 1.5e-3 --ema 0.9995 --eval_minutes 1 --checkpoint_minutes 2 --log_seconds 10 \
    "${@:3}" ${crnn_options[@]+"${crnn_options[@]}"}
}

# train_detector NAME WORKERS --KEY VALUE...
train_detector() {
  train train_ctpn.py "$1" --workers "$2" "${text[@]}" --train_images "$sets" --image_weight '[3, 2, 2, 1]' \
    --finetune_weight '[4, 2, 1, 0]' --val_images "[[\"$data/icdar2013_val/images\", \"$data/icdar2013_val/gt\", \"$data/icdar2013_val.txt\"]]" \
    --batch_size 16 --base_lr 6e-4 --ema 0.999 \
    --eval_minutes 1.5 --checkpoint_minutes 2 --log_seconds 15 "${@:3}" ${ctpn_options[@]+"${ctpn_options[@]}"}
}

# weights NAME: print the file that a training left: its last weights or, of one that was stopped, its best.
weights() {
  local file
  for file in "$work/$1/final.pt" "$work/$1/best.pt"; do
    if [[ -e $file ]]; then
      printf '%s\n' "$file"
      return
    fi
  done
}

# keep NAME: the checkpoint in pieces and the logs of a training, into the output folder.
keep() {
  local name=$1 from log logs=()
  printf -- '--- %s\n' "$name"
  tail -n 12 -- "$work/$name.out"
  from=$(weights "$name")
  if [[ -z $from ]]; then
    printf 'error: %s left no weights\n' "$name" >&2
    failed=1
    return
  fi
  "$python" "$TOOL/convert.py" "$from" "$work/$name.ckpt" --half
  rm -f -- "$output/$name.ckpt".??
  split -b "$PIECE_BYTES" -- "$work/$name.ckpt" "$output/$name.ckpt."
  (cd -- "$work" && sha256sum -- "$name.ckpt") | tee -- "$output/$name.sha256"
  for log in "$name.out" "$name/train.log" "$name/curve.csv"; do # a training without an evaluation has no curve
    [[ ! -e $work/$log ]] || logs+=("$log")
  done
  tar -C "$work" -czf "$output/$name.logs.tgz" "${logs[@]}"
}

# both: wait for the trainings in `children`, which save what they have when this script is asked to stop.
both() {
  local child status
  trap 'kill "${children[@]}" 2>/dev/null; stopped=1' INT TERM
  for child in "${children[@]}"; do
    status=0
    wait "$child" || status=$?
    while kill -0 "$child" 2>/dev/null; do # a signal ended the wait, not the training
      status=0
      wait "$child" || status=$?
    done
    ((status == 0)) || failed=1
  done
  trap - INT TERM
}

unpack
text=(--fonts "[\"$data/fonts\"]" --backgrounds "[\"$data/backgrounds\"]" --lexicon "$data/lexicon.txt")
sets=
for name in icdar2013_train icdar2003_extra icdar2011_borndigital_train; do
  sets+="[\"$data/$name/images\", \"$data/$name/gt\"], "
done
sets="[${sets}[\"$data/svt_train/images\", \"$data/svt_train/gt\"]]"
printf '%s cores, %s processes make samples\n' "$cores" "$workers"
if command -v nvidia-smi >/dev/null; then
  nvidia-smi --query-gpu=name,memory.total --format=csv,noheader || true
fi

failed=0 stopped=0
for phase in "${phases[@]}"; do
  printf '=== phase %s\n' "$phase"
  children=()
  case $phase in
    1)
      train_detector ctpn "$half" --minutes "${CTPN_MINUTES:-17.1}" --stop_after_minutes "${CTPN_FIRST_MINUTES:-8.3}" &
      children+=($!)
      train_words crnn "$rest" --minutes "${WORDS_MINUTES:-8.3}" &
      children+=($!)
      names=(crnn ctpn)
      ;;
    2)
      # Without the work folder of phase 1, on another machine, both begin anew.
      resume=(--minutes "${LINES_MINUTES:-8.7}")
      [[ ! -e $work/ctpn/state.pt ]] || resume=(--minutes "${CTPN_MINUTES:-17.1}" --resume True)
      start=$(weights crnn)
      train_detector ctpn "$half" "${resume[@]}" &
      children+=($!)
      train_words crnn_lines "$rest" --config_path "$TOOL/recipes/crnn_lines.yaml" --batch_size 768 \
        --minutes "${LINES_MINUTES:-8.7}" ${start:+--pre_trained "$start"} &
      children+=($!)
      names=(crnn_lines ctpn)
      ;;
    3)
      start=$(weights ctpn)
      [[ -n $start ]] || fail "phase 3 goes on from the detector of phases 1 and 2; '$work/ctpn' holds no weights"
      train_detector ctpn_more "$workers" --minutes "${MORE_MINUTES:-5.5}" --pre_trained "$start" \
        --base_lr 2e-4 --finetune_from 0 --warmup 0.05 &
      children+=($!)
      names=(ctpn_more)
      ;;
  esac
  both
  for name in "${names[@]}"; do
    keep "$name"
  done
  ((stopped == 0)) || exit 130
done
ls -l -- "$output"
exit "$failed"
