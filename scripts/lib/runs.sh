# shellcheck shell=bash
# Sourced by the scripts that train. Expects common.sh.

# prepare_run DEFAULT_FOLDER: RUN_FOLDER, where the run of `arguments` goes: to --save_checkpoint_path, which
# train.py does not share with another training, or else DEFAULT_FOLDER. A training that is already in that is moved
# aside under a dated name, never deleted, unless it is continued; paths in `arguments` that lead into it follow.
prepare_run() {
  RUN_FOLDER=$(argument_value save_checkpoint_path)
  [[ -z $RUN_FOLDER ]] || return 0
  RUN_FOLDER=$1
  arguments+=(--save_checkpoint_path "$RUN_FOLDER")
  if compgen -G "$RUN_FOLDER/ckpt_0/*.ckpt" >/dev/null && ! continues_run; then
    set_aside
  fi
}

# file_value KEY: the text of KEY in the configuration file that `arguments` names, nothing without one.
file_value() {
  local file
  file=$(argument_value config_path)
  [[ -f $file ]] || return 0
  sed -n "s/^$1:[[:space:]]*//p" "$file" | sed "s/[[:space:]]*#.*//; s/^[\"']//; s/[\"']*[[:space:]]*\$//" | head -n 1
}

# continues_run: whether --resume is given, here or in the configuration file.
continues_run() {
  local argument value
  value=$(file_value resume)
  for argument in "${arguments[@]}"; do
    [[ $argument == --resume || $argument == --resume=* ]] || continue
    value=$(argument_value resume)
    [[ -n $value && $value != --* ]] || value=True
  done
  [[ ${value,,} == true || ${value,,} == yes || ${value,,} == on || $value == 1 ]]
}

# set_aside: move RUN_FOLDER to RUN_FOLDER-DATE.
set_aside() {
  local stamp moved number=1 old position value key
  stamp=$(date +%Y-%m-%d_%H%M%S)
  moved=$RUN_FOLDER-$stamp
  while [[ -e $moved ]]; do
    number=$((number + 1))
    moved=$RUN_FOLDER-$stamp-$number
  done
  old=$(realpath -- "$RUN_FOLDER")
  # Looked up while the files are still where their names point.
  local -a changed=()
  for position in "${!arguments[@]}"; do
    key=''
    value=${arguments[position]}
    [[ $value != --*=* ]] || key=${value%%=*}= value=${value#*=}
    if [[ -e $value && $(realpath -- "$value") == "$old"/* ]]; then
      arguments[position]=$key$moved/$(realpath --relative-to="$old" -- "$value")
      changed+=("$position")
    fi
  done
  value=$(file_value pre_trained)
  if [[ -n $value && -e $value && " ${arguments[*]}" != *' --pre_trained'* && $(realpath -- "$value") == "$old"/* ]]; then
    arguments+=(--pre_trained "$moved/$(realpath --relative-to="$old" -- "$value")")
  fi
  mv -- "$RUN_FOLDER" "$moved"
  printf 'the training that was in %s is now in %s; --resume would have continued it\n' "$RUN_FOLDER" "$moved"
  for position in ${changed[@]+"${changed[@]}"}; do
    printf 'taken from there: %s\n' "${arguments[position]#*=}"
  done
}
