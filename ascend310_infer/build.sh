#!/usr/bin/env bash
# Build the C++ inference application.
#
# Usage: bash ascend310_infer/build.sh [mindspore_lite|openvino] [BUILD_DIR] [cmake options]
#   mindspore_lite  for Ascend 310, 310P, 910; LITE_HOME names the unpacked MindSpore Lite package (the default)
#   openvino        for CPU, with the openvino package of the Python environment
#   BUILD_DIR       ascend310_infer/build/<runtime> when left out
# Example: LITE_HOME=/opt/mindspore-lite-2.6.0-linux-aarch64 bash ascend310_infer/build.sh mindspore_lite
#
# Needs a C++17 compiler, cmake 3.14 or later (also as a Python package), and the libjpeg-turbo and libpng headers.
# The application is BUILD_DIR/main.
if [ -z "${BASH_VERSION:-}" ] || [ -n "${POSIXLY_CORRECT:-}" ]; then exec env -u POSIXLY_CORRECT bash "$0" "$@"; fi # sh
set -euo pipefail
HERE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib/common.sh
source "$HERE/../scripts/lib/common.sh"

runtime=mindspore_lite
if (($# > 0)) && [[ $1 != -* ]]; then
  runtime=$1
  shift
elif (($# > 0)) && [[ $1 == -h || $1 == --help ]]; then
  show_usage
  exit 0
fi
build=$HERE/build/$runtime
if (($# > 0)) && [[ $1 != -* ]]; then
  build=$1
  shift
fi

python=$(find_python)
case $runtime in
  mindspore_lite)
    [[ -n ${LITE_HOME:-} ]] || fail "LITE_HOME: is empty; name the folder of the unpacked MindSpore Lite package"
    [[ -d $LITE_HOME ]] || fail "LITE_HOME: '$LITE_HOME' is not a folder"
    LITE_HOME=$(cd -- "$LITE_HOME" && pwd)
    found=(-DLITE_HOME="$LITE_HOME")
    ;;
  openvino)
    package=$("$python" -c 'import pathlib, openvino; print(pathlib.Path(openvino.__file__).parent)') ||
      fail "the Python package openvino is missing: pip install -r requirements.txt"
    found=(-DOpenVINO_DIR="$package/cmake")
    ;;
  *) wrong_usage "'$runtime' is not mindspore_lite or openvino" ;;
esac

cmake=$(command -v cmake || command -v "$(dirname -- "$python")/cmake" ||
  fail "cmake is missing: install it with the system's packages or with pip install cmake")
command -v "${CXX:-c++}" >/dev/null || fail "a C++ compiler is missing, for instance: apt-get install g++"

mkdir -p -- "$build"
build=$(cd -- "$build" && pwd)
if command -v flock >/dev/null; then # two builds in one folder would spoil each other
  exec 9>"$build/.lock"
  flock 9
fi
"$cmake" -S "$HERE" -B "$build" -DINFER_BACKEND="$runtime" "${found[@]}" "$@" >"$build/configure.log" 2>&1 || {
  cat -- "$build/configure.log" >&2
  fail "cmake failed, see above; libjpeg-turbo and libpng come with apt-get install libjpeg-dev libpng-dev," \
    "or yum install libjpeg-turbo-devel libpng-devel"
}
"$cmake" --build "$build" -j "${BUILD_JOBS:-$(nproc)}"
printf 'built %s\n' "$build/main"
