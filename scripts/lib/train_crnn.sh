# shellcheck shell=bash
# shellcheck source=scripts/lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=scripts/lib/ranks.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/ranks.sh"
# shellcheck source=scripts/lib/runs.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/runs.sh"

# train_crnn full|performance DEVICES [--data_path=DIR] [--epochs=N] ... [--key value ...]
# DEVICES is the number of processes, one per device; --device_num changes it where it is above 1.
train_crnn() {
  local mode=$1 devices=$2
  shift 2
  local folder="train_${mode}_${devices}p"
  local data_path='' batch_size='' device=auto epochs=1 table='' expected=''
  local RANK_TABLE='' SERVER_IP='' BIND_CORE=${BIND_CORE:-True}
  [[ $mode == full ]] && epochs=100
  read_options "$devices" "$@"
  [[ -n $data_path ]] || wrong_usage "--data_path is missing"
  [[ -d $data_path ]] || fail "--data_path: '$data_path' is not a folder"
  is_number --epochs "$epochs"
  is_number --device_num "$devices"
  if [[ -n $table ]]; then
    [[ -f $table ]] || fail "--rank_table_file: '$table' is not a file"
    RANK_TABLE=$(realpath -- "$table")
    device=Ascend
  fi
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
  arguments+=(${OPTIONS[@]+"${OPTIONS[@]}"})

  local python
  python=$(find_python)
  if [[ $devices == 1 && -z $table ]]; then
    local RUN_FOLDER
    prepare_run "$folder"
    become "$RUN_FOLDER/log" "$python" "$ROOT/train.py" "${arguments[@]}"
  fi
  arguments+=(--run_distribute True)
  local RANK_DEVICE=$device
  [[ -z $table ]] || devices=$expected # the table has the number; --device_num, if given, has to agree
  launch_ranks "$python" "$devices" "$folder"
}

# read_options DEVICES ARGUMENTS...: the options of the scripts into the variables of train_crnn, both as --a=b and
# as --a b; all others, which are keys of the configuration, into OPTIONS.
read_options() {
  local allowed_devices=$1 key value
  local own='^--(data_path|epochs|batch_size|device_target|device_num|rank_table_file|bind_core|server_ip)$'
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
      [[ $key =~ $own ]] && wrong_usage "$key: a value is missing"
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
        expected=$value
        ;;
      --rank_table_file | --bind_core | --server_ip)
        ((allowed_devices > 1)) || wrong_usage "$key: this script uses one device; take the one for 8"
        case $key in
          --rank_table_file) table=$value ;;
          --bind_core) BIND_CORE=$value ;;
          --server_ip) SERVER_IP=$value ;;
        esac
        ;;
      *) OPTIONS+=("$key=$value") ;;
    esac
  done
}

is_number() {
  [[ $2 =~ ^[1-9][0-9]*$ ]] || fail "$1: '$2' is not a number from 1"
}
