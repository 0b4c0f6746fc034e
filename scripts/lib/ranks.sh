# shellcheck shell=bash
# Sourced by the scripts that train in several processes. Expects common.sh.
#
# MindSpore's launcher (msrun) starts the processes. Around it: a rank table is checked and turned into the options of
# the launcher, the processes are bound to CPU cores, a request to stop saves a checkpoint first, a failing process
# ends the job and gives the script its exit code, and nothing is left running.

# launch_ranks PYTHON COUNT DEFAULT_FOLDER: COUNT processes of train.py with `arguments` under the launcher. What the
# first one writes is shown and kept as log in the folder of the run (see prepare_run); ranks in it has the logs of all.
# One process needs no launcher. Does not return. Variables that the caller may set:
#   RANK_TABLE   file with the number; COUNT is then the expected number, or empty
#   SERVER_IP    which server of the table this host is
#   RANK_DEVICE  Ascend, GPU, CPU or auto
#   BIND_CORE    True, False, or what the launcher's --bind_core takes
#   RANK_FOLDER  with it, RANK_FOLDER<rank>/log leads to the log of each rank
launch_ranks() {
  local python=$1 count=$2
  python=$(command -v -- "$python") || fail "'$python' is not a program"
  [[ $python == /* ]] || python=$PWD/$python
  local rank_size=$count local_size=$count node_rank=0 master_address=''
  local -a launch=()
  if [[ -n ${RANK_TABLE:-} ]]; then
    read_host_part "$python"
    ((${count:-rank_size} == rank_size)) || fail "--device_num: $count, but '$RANK_TABLE' has $rank_size devices"
  fi
  local RUN_FOLDER folder
  # Several hosts may share the folder: none of them can move it under the others.
  ((rank_size == local_size)) || [[ -n $(argument_value save_checkpoint_path) ]] || arguments+=(--save_checkpoint_path "$3")
  prepare_run "$3"
  folder=$RUN_FOLDER
  set -- "${arguments[@]}"
  ((rank_size > 1)) || become "$folder/log" "$python" "$ROOT/train.py" "$@"
  local first=$((node_rank * local_size))
  launch+=(--worker_num "$rank_size" --local_worker_num "$local_size" --master_port "$(master_port "$python")")
  ((rank_size == local_size)) || launch+=(--master_addr "$master_address" --node_rank "$node_rank")
  [[ -z ${RANK_TABLE:-} ]] || launch+=(--rank_table_file "$RANK_TABLE")
  local binding
  binding=$(core_binding "$local_size")
  [[ -z $binding ]] || launch+=(--bind_core "$binding")
  local launcher_log=$folder/ranks/msrun.log
  ((node_rank == 0)) || launcher_log=$folder/ranks/msrun_$node_rank.log
  prepare_rank_logs "$folder" "$first" "$local_size" "$launcher_log"
  # The launcher starts the first "python" on the path.
  local bin
  bin=$(dirname -- "$python")
  [[ $bin/python -ef $python ]] || bin=$(python_for_launcher "$python" "$folder/ranks")

  # It ends its processes at once on Ctrl-C: so it gets a process group of its own, and a request to stop goes to the
  # first process, which saves a checkpoint and stops the others. --tail_worker_log: it need not show any log.
  local job="$$-$RANDOM$RANDOM" launcher='' stopped=0 stopped_at=0 code=0 limit=''
  trap 'stop_ranks 143' TERM
  trap 'stop_ranks 129' HUP
  trap 'stop_ranks 130' INT
  PATH="$bin:$PATH" RANK_JOB=$job setsid "$python" -m mindspore.parallel.cluster.run "${launch[@]}" \
    --join True --tail_worker_log "$local_size" --log_dir "$folder/ranks" "$ROOT/train.py" "$@" \
    >"$launcher_log" 2>&1 &
  launcher=$!
  show_rank "$launcher" "$folder/ranks/worker_$first.log" "$folder" "$node_rank" &
  local shown=$!
  end_after_failure "$launcher" "$launcher_log" "$job" &
  local watching=$!
  while true; do # a signal interrupts wait
    code=0
    wait "$launcher" 2>/dev/null || code=$?
    kill -0 "$launcher" 2>/dev/null || break
  done
  [[ -z $limit ]] || kill -KILL "$limit" 2>/dev/null || true # it has the traps of where it was started
  end_job "$job"
  wait "$shown" "$watching" || true
  ((stopped == 0)) || exit "$stopped"
  ((code == 0)) || report_failure "$folder" "$first" "$local_size" "$launcher_log"
  exit 0
}

# read_host_part PYTHON: check RANK_TABLE; the variables of launch_ranks from it, and the devices for the processes.
read_host_part() {
  local lines name value device_ids
  lines=$("$1" "$ROOT/scripts/hccl_tools.py" --host_part "$RANK_TABLE" --server_ip "${SERVER_IP:-}") || exit 2
  while IFS='=' read -r name value; do
    [[ $name =~ ^(rank_size|local_size|node_rank|master_address|device_ids)$ ]] || fail "hccl_tools.py: '$name'"
    printf -v "$name" '%s' "$value"
  done <<<"$lines"
  # The launcher numbers the devices of its processes 0, 1, ...; the runtime shows them these.
  export ASCEND_RT_VISIBLE_DEVICES=$device_ids
}

# master_port PYTHON: where the processes find each other: MASTER_PORT, else any free port, else (several hosts, which
# have to agree) the launcher's own.
master_port() {
  if [[ -n ${MASTER_PORT:-} ]]; then
    [[ $MASTER_PORT =~ ^[0-9]+$ ]] || fail "MASTER_PORT: '$MASTER_PORT' is not a number"
    printf '%s\n' "$MASTER_PORT"
  elif ((rank_size > local_size)); then
    printf '8118\n'
  else
    "$1" -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])'
  fi
}

# core_binding COUNT: the value of the launcher's --bind_core, nothing for no binding. On Ascend the launcher
# knows which cores are near a device; elsewhere the cores that this script may use are dealt out evenly.
core_binding() {
  local count=$1 choice=${BIND_CORE:-True}
  case ${choice,,} in
    false) return ;;
    true) ;;
    *)
      printf '%s\n' "$choice"
      return
      ;;
  esac
  if [[ ${RANK_DEVICE:-} == Ascend ]]; then
    printf 'True\n'
    return
  fi
  local -a cores
  read -ra cores <<<"$(usable_cores)"
  ((${#cores[@]} >= count)) && command -v taskset >/dev/null || return 0
  local share=$((${#cores[@]} / count)) process core separator map=''
  for ((process = 0; process < count; process++)); do
    map+="${map:+, }\"device$process\": ["
    separator=''
    for core in "${cores[@]:process*share:share}"; do
      map+="$separator\"$core\""
      separator=', '
    done
    map+=']'
  done
  printf '{%s}\n' "$map"
}

# usable_cores: the numbers of the cores that this process may use.
usable_cores() {
  local list range
  list=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
  for range in ${list//,/ }; do
    seq -s ' ' "${range%-*}" "${range#*-}"
  done | tr '\n' ' '
}

# prepare_rank_logs FOLDER FIRST COUNT LAUNCHER_LOG: no old logs of the ranks of this host, and RANK_FOLDER<rank>.
prepare_rank_logs() {
  local folder=$1 first=$2 count=$3 rank log
  mkdir -p -- "$folder/ranks"
  rm -f -- "$4"
  ((first > 0)) || rm -f -- "$folder/ranks/scheduler.log"
  for ((rank = first; rank < first + count; rank++)); do
    log=$folder/ranks/worker_$rank.log
    rm -f -- "$log"
    if [[ -n ${RANK_FOLDER:-} && $RANK_FOLDER$rank != "$folder" ]]; then
      mkdir -p -- "$RANK_FOLDER$rank"
      ln -sfn -- "$(realpath --relative-to="$RANK_FOLDER$rank" -- "$folder")/ranks/worker_$rank.log" "$RANK_FOLDER$rank/log"
    fi
  done
}

# python_for_launcher PYTHON FOLDER: a folder with a "python" that is PYTHON, for one of another name.
python_for_launcher() {
  local bin
  bin=$(cd -- "$2" && pwd)/bin
  mkdir -p -- "$bin"
  printf '#!/usr/bin/env bash\nexec %q "$@"\n' "$1" >"$bin/python"
  chmod +x -- "$bin/python"
  printf '%s\n' "$bin"
}

# show_rank LAUNCHER LOG FOLDER NODE_RANK: pass on what a rank writes, without the lines of MindSpore's own threads. On the
# first host it is kept as FOLDER/log. It ends with the launcher, not with a request to stop.
show_rank() {
  trap '' INT TERM HUP
  tail -n +1 -F --pid="$1" "$2" 2>/dev/null | grep -Ev --line-buffered '^\[(INFO|WARNING)\] ' |
    if (($4 == 0)); then keep_log "$3/log"; else cat; fi
}

# end_after_failure LAUNCHER LAUNCHER_LOG JOB: end everything when the launcher reports that a process failed. It does so
# itself, but for its scheduler, which needs half a minute to notice.
end_after_failure() {
  trap '' INT TERM HUP
  if grep -qm 1 'exit with exception' < <(tail -n +1 -F --pid="$1" "$2" 2>/dev/null); then
    end_job "$3"
  fi
}

# stop_ranks EXIT_CODE: for a signal. The first asks the ranks to stop after the step. Ctrl-C a moment later ends them
# at once; other signals that follow are the same request again (a job manager asks the group and then each process).
# STOP_SECONDS (default 600) after the first they are ended, and so is a job whose processes have not started.
stop_ranks() {
  if ((stopped > 0)) && { (($1 != 130)) || ((SECONDS - stopped_at < 2)); }; then
    return 0
  fi
  if ((stopped > 0)) || ! stop_first_rank "$launcher" "$first"; then
    stopped=$1
    end_job "$job"
    return 0 # a plain one would give the code of what the signal interrupted
  fi
  stopped=$1
  stopped_at=$SECONDS
  printf 'stopping after this step; Ctrl-C once more ends it at once\n' >&2
  # No sleep, which would outlive it.
  (read -rt "${STOP_SECONDS:-600}" _ <> <(:) || end_job "$job") >/dev/null 2>&1 &
  limit=$!
}

# stop_first_rank LAUNCHER RANK: ask it to stop; fails where it does not run.
stop_first_rank() {
  local child
  for child in $(ps -o pid= --ppid "$1" 2>/dev/null); do
    if grep -qzx -- "MS_NODE_ID=$2" "/proc/$child/environ" 2>/dev/null; then
      kill -TERM "$child"
      return 0
    fi
  done
  return 1
}

# end_job JOB: end every process that the launcher of this job has started, and itself. They are known by a variable
# that they have inherited, because the launcher puts each into a session of its own.
end_job() {
  local -a running
  local round
  for ((round = 0; round < 100; round++)); do
    mapfile -t running < <(grep -lzx -- "RANK_JOB=$1" /proc/[0-9]*/environ | cut -d / -f 3)
    ((${#running[@]} > 0)) || return 0
    kill -KILL "${running[@]}" || true
    sleep 0.1
  done 2>/dev/null # bash's line about a killed process is nobody's concern
}

# report_failure FOLDER FIRST COUNT LAUNCHER_LOG: what went wrong, and end with the code of the process that failed.
report_failure() {
  local folder=$1 first=$2 count=$3 rank message code shown=''
  for ((rank = first; rank < first + count; rank++)); do
    message=$(grep -h '^error: ' "$folder/ranks/worker_$rank.log" 2>/dev/null | tail -n 1) || continue
    [[ $shown != *"|$message|"* ]] || continue # what the ranks agree on is shown once
    shown+="|$message|"
    ((rank == first)) || printf 'rank %s: %s\n' "$rank" "$message" >&2 # what the first one writes is shown anyhow
  done
  printf 'error: a process failed; see %s\n' "$folder/ranks/worker_*.log" >&2
  code=$(sed -n 's/.*Worker process [0-9]* exit with exception\. Error code: \(-\{0,1\}[0-9][0-9]*\)\..*/\1/p' "$4" |
    head -n 1)
  code=${code:-2}
  exit "$((code < 0 ? 128 - code : code))" # -9 is the end by signal 9, which a shell calls 137
}
