# shellcheck shell=bash
# Sourced by the entry-point scripts. Paths that a user gives are relative to where the user stands.

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)

# The interpreter: PYTHON, else the active environment's, else the repository's .venv, else python3.
find_python() {
  if [[ -n ${PYTHON:-} ]]; then
    printf '%s\n' "$PYTHON"
  elif [[ -z ${VIRTUAL_ENV:-} && -x $ROOT/.venv/bin/python ]]; then
    printf '%s\n' "$ROOT/.venv/bin/python"
  elif command -v python >/dev/null; then
    command -v python
  else
    command -v python3
  fi
}

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 2
}

# show_usage: print the comment block at the top of the calling script.
show_usage() {
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
}

# split_arguments ARGUMENTS...: into POSITIONAL (before the first --option) and OPTIONS (from it on, handed on
# to Python as they are). --help prints the usage.
split_arguments() {
  POSITIONAL=()
  OPTIONS=()
  while (($# > 0)); do
    case $1 in
      -h | --help)
        show_usage
        exit 0
        ;;
      --*)
        # shellcheck disable=SC2034  # read by the scripts that source this file
        OPTIONS=("$@")
        return
        ;;
      *)
        POSITIONAL+=("$1")
        shift
        ;;
    esac
  done
}

# check_task_type NAME
check_task_type() {
  case $1 in
    Pretraining | Finetune | FineTune) ;;
    *) fail "TASK_TYPE: '$1' is not Pretraining or Finetune (see --help)" ;;
  esac
}

# logged LOG_FILE COMMAND...: run the command, its output on the terminal and in LOG_FILE; its exit code is kept.
logged() {
  local log=$1
  shift
  mkdir -p -- "$(dirname -- "$log")"
  set -o pipefail
  "$@" 2>&1 | tee -- "$log"
}
