#!/usr/bin/env bash
# Score submissions for ICDAR 2013 text localisation (DetEval).
#
# Usage: bash scripts/eval_res.sh [SUBMIT_ZIP ...] [--gt GT_ZIP]
# Without SUBMIT_ZIP: every submit*.zip in the current folder, or in ./eval. Without --gt: scripts/gt.zip, else
# the gt.zip beside the submission (eval.py writes one).
# Example: bash scripts/eval_res.sh eval/submit_ctpn-50_229.zip
#
# With the organizers' script.py (and rrc_evalulation_funcs_1_1.py) in scripts/, that script computes the
# metrics; without it, this project's own implementation does, which gives the same numbers.
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
  submissions=(submit*.zip)
  ((${#submissions[@]} > 0)) || submissions=(eval/submit*.zip)
  ((${#submissions[@]} > 0)) || fail "no submit*.zip here or in ./eval; name one"
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
