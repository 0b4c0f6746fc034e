# shellcheck shell=bash
# shellcheck source=scripts/lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

# train_crnn full|performance DEVICES [--data_path=DIR] [--epochs=N] ... [--key value ...]
# DEVICES is the number of processes, one a device; --device_num changes it where it is above 1.
train_crnn() {
  local mode=$1 devices=$2
  shift 2
  local folder="train_${mode}_${devices}p"
  local data_path='' batch_size='' device=auto epochs=1
  [[ $mode == full ]] && epochs=100
  read_options "$devices" "$@"
  [[ -n $data_path ]] || wrong_usage "--data_path is missing"
  [[ -d $data_path ]] || fail "--data_path: '$data_path' is not a folder"
  is_number --epochs "$epochs"
  is_number --device_num "$devices"

  if [[ $device == auto ]] && command -v npu-smi >/dev/null; then
    device=Ascend
  fi
  local -a arguments=(--config_path "$ROOT/configs/crnn.yaml" --device_target "$device" --lmdb_root "$data_path"
    --total_epoch "$epochs")
  if [[ $device == Ascend || $device == GPU ]]; then # as the reference: half precision, large batches
    is_option mixed_precision || arguments+=(--mixed_precision True)
    batch_size=${batch_size:-2560}
  fi
  if [[ -n $batch_size ]]; then
    is_number --batch_size "$batch_size"
    arguments+=(--batch_size "$batch_size")
  fi
  if [[ $mode == full ]]; then
    is_option run_eval || arguments+=(--run_eval True)
  else
    is_option save_checkpoint || arguments+=(--save_checkpoint False)
    is_option save_best_ckpt || arguments+=(--save_best_ckpt False)
  fi
  is_option save_checkpoint_path || arguments+=(--save_checkpoint_path "$folder")
  arguments+=(${OPTIONS[@]+"${OPTIONS[@]}"})

  local python
  python=$(find_python)
  if ((devices == 1)); then
    become "$folder/log" "$python" "$ROOT/train.py" "${arguments[@]}"
  fi
  arguments+=(--run_distribute True)
  launch_ranks "$python" "$devices" "$folder" "${arguments[@]}"
}

# read_options DEVICES ARGUMENTS...: the options of the scripts into the variables of train_crnn, both as --a=b and
# as --a b; all others, which are keys of the configuration, into OPTIONS.
read_options() {
  local allowed_devices=$1 key value
  shift
  OPTIONS=()
  while (($# > 0)); do
    [[ $1 == -h || $1 == --help ]] && show_usage && exit 0
    [[ $1 == --?* ]] || wrong_usage "'$1': expected --key=value or --key value"
    key=${1%%=*}
    if [[ $1 == *=* ]]; then
      value=${1#*=}
    elif (($# > 1)) && [[ $2 != --* ]]; then
      value=$2
      shift
    else
      [[ $key =~ ^--(data_path|epochs|batch_size|device_target|device_num)$ ]] && wrong_usage "$key: a value is missing"
      value=True
    fi
    shift
    case $key in
      --data_path) data_path=$value ;;
      --epochs) epochs=$value ;;
      --batch_size) batch_size=$value ;;
      --device_target) device=$value ;;
      --device_num)
        ((allowed_devices > 1)) || wrong_usage "--device_num: this script uses one device; take the one for 8"
        devices=$value
        ;;
      *) OPTIONS+=("$key=$value") ;;
    esac
  done
}

is_number() {
  [[ $2 =~ ^[1-9][0-9]*$ ]] || fail "$1: '$2' is not a number from 1"
}

# launch_ranks PYTHON COUNT FOLDER ARGUMENTS...: so many processes of train.py under msrun. What the first one says is
# shown and kept as FOLDER/log; FOLDER/ranks has the logs of all.
launch_ranks() {
  local python=$1 count=$2 folder=$3
  shift 3
  mkdir -p -- "$folder/ranks"
  rm -f -- "$folder"/ranks/*.log
  local port
  port=${MASTER_PORT:-$("$python" -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])')}
  # msrun starts whatever "python" is on the path, and ends its workers at once on Ctrl-C: so it gets a process group
  # of its own, and a request to stop goes to the first worker, which saves a checkpoint and tells the others.
  PATH="$(dirname -- "$python"):$PATH" setsid "$python" -m mindspore.parallel.cluster.run \
    --worker_num "$count" --local_worker_num "$count" --master_port "$port" --join True \
    --log_dir "$folder/ranks" "$ROOT/train.py" "$@" >"$folder/ranks/msrun.log" 2>&1 &
  local launcher=$! stopped=0 code=0
  trap 'stopped=143; stop_first_rank "$launcher"' TERM
  trap 'stopped=130; stop_first_rank "$launcher"' INT
  tail -n +1 -F --pid="$launcher" "$folder/ranks/worker_0.log" 2>/dev/null |
    grep -Ev --line-buffered '^\[(INFO|WARNING)\] ' | keep_log "$folder/log" & # not what MindSpore's own threads say
  local shown=$!
  while true; do # a signal interrupts wait
    code=0
    wait "$launcher" || code=$?
    kill -0 "$launcher" 2>/dev/null || break
  done
  wait "$shown" || true
  ((stopped == 0)) || exit "$stopped"
  ((code == 0)) || fail "a process failed; see $folder/ranks/worker_*.log"
}

# stop_first_rank LAUNCHER
stop_first_rank() {
  local child
  for child in $(ps -o pid= --ppid "$1"); do
    if tr '\0' '\n' <"/proc/$child/environ" | grep -qx 'MS_NODE_ID=0'; then
      kill -TERM "$child"
    fi
  done
}
