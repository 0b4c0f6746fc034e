#!/usr/bin/env bash
# Set up an environment, then lint and test. Works on a fresh machine with Python and pip alone.
#
# Usage: bash scripts/run_tests.sh [pytest arguments]
# Example: bash scripts/run_tests.sh tests/metrics -k deteval
#
# Uses the active virtual environment, or makes .venv in the repository. PYTHON names another interpreter.
if [ -z "${BASH_VERSION:-}" ] || [ -n "${POSIXLY_CORRECT:-}" ]; then exec env -u POSIXLY_CORRECT bash "$0" "$@"; fi # sh
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

# shellcheck source=scripts/lib/environment.sh
source scripts/lib/environment.sh
use_environment requirements-dev.txt

echo "== ruff"
python -m ruff check .
python -m ruff format --check .

# Each of the two takes long and uses one core.
echo "== mypy"
python -m mypy &
mypy=$!
if command -v shellcheck >/dev/null; then
  echo "== shellcheck"
  find scripts test .ci ascend310_infer benchmarks pytorch -type f \( -name '*.sh' -o -name run \) -print0 | xargs -0 shellcheck -x
else
  echo "== shellcheck is not installed: scripts are not linted"
fi
wait "$mypy"

echo "== clang-format"
find ascend310_infer/src tests/ascend310_infer \( -name '*.cpp' -o -name '*.h' \) -print0 |
  xargs -0 clang-format --dry-run --Werror

echo "== pytest"
# The floor of the coverage holds for all tests together.
coverage=(--cov --cov-report=)
(($# == 0)) || coverage=()
# Files go to two processes: each compiles the networks of its own files, and both cores of a small machine work.
exec python -m pytest --numprocesses "${PYTEST_WORKERS:-2}" --dist loadfile "${coverage[@]}" "$@"
