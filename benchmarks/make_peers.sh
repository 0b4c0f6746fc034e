#!/usr/bin/env bash
# Make an environment for the program that the benchmarks of the reader compare with, apart from the project's own.
#
# Usage: bash benchmarks/make_peers.sh [FOLDER]
#   FOLDER  where it is made (default benchmarks/peers, where the benchmarks look for it)
# Example: bash benchmarks/make_peers.sh
#
# PYTHON names another interpreter than python3.
set -euo pipefail
HERE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib/common.sh
source "$HERE/../scripts/lib/common.sh"

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  show_usage
  exit 0
fi
folder=${1:-$HERE/peers}
[[ -x $folder/bin/python ]] || "${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
  -r "$HERE/../requirements-read.txt" -r "$HERE/requirements.txt"
printf 'made %s\n' "$folder/bin/python"
