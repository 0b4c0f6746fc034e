#!/usr/bin/env bash
# Score submissions for ICDAR 2013 text localization (DetEval).
#
# Usage: bash scripts/eval_res.sh [SUBMIT_ZIP ...] [--gt GT_ZIP]
# Without SUBMIT_ZIP: every submit*.zip in the current folder, or in ./eval or ./infer; else the same places of the
# repository. Without --gt: scripts/gt.zip, else
# the gt.zip beside the submission (eval.py writes one).
# Example: bash scripts/eval_res.sh eval/submit_ctpn-50_229.zip
#
# With the organizers' script.py (and rrc_evalulation_funcs_1_1.py) in scripts/, that script computes the
# metrics; without it, this project's own implementation does, which gives the same numbers.
if [ -z "${BASH_VERSION:-}" ] || [ -n "${POSIXLY_CORRECT:-}" ]; then exec env -u POSIXLY_CORRECT bash "$0" "$@"; fi # sh
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"

submissions=()
ground_truth=
while (($# > 0)); do
  case $1 in
    -h | --help)
      show_usage
      exit 0
      ;;
    --gt)
      (($# > 1)) || fail "--gt: a gt.zip is missing"
      ground_truth=$2
      shift 2
      ;;
    -*) fail "'$1': unknown option (see --help)" ;;
    *)
      submissions+=("$1")
      shift
      ;;
  esac
done
if ((${#submissions[@]} == 0)); then
  shopt -s nullglob
  for folder in '' eval/ infer/ "$ROOT/" "$ROOT/eval/" "$ROOT/infer/"; do
    ((${#submissions[@]} > 0)) || submissions=("$folder"submit*.zip)
  done
  ((${#submissions[@]} > 0)) || fail "no submit*.zip here or in ./eval or ./infer, nor in those of $ROOT; name one"
fi

python=$(find_python)
official=$ROOT/scripts/script.py
for submission in "${submissions[@]}"; do
  [[ -f $submission ]] || fail "'$submission' is not a file"
  truth=$ground_truth
  if [[ -z $truth ]]; then
    truth=$ROOT/scripts/gt.zip
    [[ -f $truth ]] || truth=$(dirname -- "$submission")/gt.zip
  fi
  [[ -f $truth ]] || fail "no ground truth for '$submission': put the official gt.zip into scripts/ or use --gt"
  printf '%s\n' "$submission"
  if [[ -f $official ]]; then
    "$python" "$official" "-g=$truth" "-s=$submission" "-o=$(dirname -- "$submission")"
  else
    # By its path: with -m, a folder named src where the user stands would be taken for ours.
    PYTHONPATH=$ROOT${PYTHONPATH:+:$PYTHONPATH} "$python" "$ROOT/src/metrics/official_script.py" \
      "-g=$truth" "-s=$submission" "-o=$(dirname -- "$submission")"
  fi
done
