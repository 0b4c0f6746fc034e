# shellcheck shell=bash
# Sourced by the entry-point scripts. Paths that a user gives are relative to where the user stands.

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 2
}

# find_python: print the interpreter: PYTHON, else the active environment's, else the repository's .venv, else
# python3.
find_python() {
  if [[ -n ${PYTHON:-} ]]; then
    printf '%s\n' "$PYTHON"
  elif [[ -z ${VIRTUAL_ENV:-} && -x $ROOT/.venv/bin/python ]]; then
    printf '%s\n' "$ROOT/.venv/bin/python"
  else
    command -v python || command -v python3 || fail "no Python found; name one with PYTHON=..."
  fi
}

# show_usage: print the comment block at the top of the calling script.
show_usage() {
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
}

# wrong_usage MESSAGE: print the usage and the message to standard error and end.
wrong_usage() {
  show_usage >&2
  fail "$@"
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

# is_option KEY: whether OPTIONS gives --KEY.
is_option() {
  local option
  for option in ${OPTIONS[@]+"${OPTIONS[@]}"}; do
    [[ $option == "--$1" || $option == "--$1="* ]] && return 0
  done
  return 1
}

# argument_value KEY: the value of --KEY in `arguments`, nothing without one.
argument_value() {
  local position
  # shellcheck disable=SC2154 # `arguments` is the caller's
  for position in "${!arguments[@]}"; do
    case ${arguments[position]} in
      "--$1="*) printf '%s\n' "${arguments[position]#*=}" ;;
      "--$1") printf '%s\n' "${arguments[position + 1]:-}" ;;
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

# keep_log LOG_FILE [-a]: pass on what comes in, and write it to LOG_FILE. It ends when its input does, not
# with Ctrl-C or a request to stop: the program that it listens to still writes then.
keep_log() {
  local log=$1
  shift
  trap '' INT TERM HUP
  exec tee "$@" -- "$log"
}

# begin_log LOG_FILE: make its folder, and fail here where it cannot be written, not run without a log.
begin_log() {
  mkdir -p -- "$(dirname -- "$1")"
  : >>"$1" || fail "the log '$1' cannot be written"
}

# logged LOG_FILE COMMAND...: run the command, its output on the terminal and in LOG_FILE; its exit code is kept.
logged() {
  local log=$1
  shift
  begin_log "$log"
  "$@" 2>&1 | keep_log "$log"
}

# become LOG_FILE COMMAND...: like `logged`, but the command takes the place of the script, so that a signal to
# the script reaches it, once, wherever it came from. Nothing after it is run. The log is continued: a training
# that is resumed, or refused because the folder holds another one, must not wipe out the earlier log.
become() {
  local log=$1
  shift
  begin_log "$log"
  exec "$@" > >(keep_log "$log" -a) 2>&1
}
