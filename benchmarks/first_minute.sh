#!/usr/bin/env bash
# From a clone to the first text: how long it takes, and how much is fetched, in a folder that is deleted afterwards.
#
# Usage: bash benchmarks/first_minute.sh [REVISION]
# Example: bash benchmarks/first_minute.sh main
#
# Twice: with the packages fetched first (cached), and with pip fetching them without a cache. PYTHON names the
# interpreter. Another revision of this repository shows what was before.
set -euo pipefail
revision=${1:-HEAD}
repository=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
python=$(command -v "${PYTHON:-python3}")
place=$(mktemp -d)
trap 'rm -rf -- "$place"' EXIT
unset VIRTUAL_ENV

new_clone() {
  git clone --quiet -- "$repository" "$place/clone"
  git -C "$place/clone" checkout --quiet "$revision"
}

# timed TITLE NAME=VALUE...: clone, install, read; the settings are pip's.
timed() {
  local title=$1 start=$EPOCHREALTIME
  shift
  new_clone
  (cd "$place/clone" && env "$@" PYTHON="$python" bash scripts/quickstart.sh >"$place/log" 2>&1) || {
    cat "$place/log" >&2
    exit 1
  }
  awk -v title="$title" -v from="$start" -v to="$EPOCHREALTIME" 'BEGIN { printf "%s: %.0f s\n", title, to - from }'
  du -sh "$place/clone/.venv" | cut -f 1
  rm -rf -- "$place/clone"
}

git -C "$repository" rev-parse --verify --quiet "$revision^{commit}" >"$place/commit"
revision=$(<"$place/commit")
new_clone
requirements=$place/clone/requirements-read.txt
[[ -f $requirements ]] || requirements=$place/clone/requirements.txt
"$python" -m venv "$place/fetch"
"$place/fetch/bin/python" -m pip download --quiet --dest "$place/packages" --requirement "$requirements"
echo "packages: $(du -s --block-size=MB "$place/packages" | cut -f 1) in $(find "$place/packages" -type f | wc -l) files"
rm -rf -- "$place/clone" "$place/fetch"
timed "packages at hand" PIP_NO_INDEX=1 PIP_FIND_LINKS="$place/packages"
timed "packages fetched" PIP_NO_CACHE_DIR=1
