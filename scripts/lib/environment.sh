# shellcheck shell=bash
# Sourced by the scripts that set up an environment; expects the repository root as working directory.

# use_environment REQUIREMENTS_FILE
# Activates a virtual environment that holds what REQUIREMENTS_FILE lists: the active one, or .venv, made on
# first use. Installs only when the file has changed since the last installation there.
use_environment() {
  local requirements=$1
  if [[ -z ${VIRTUAL_ENV:-} ]]; then
    if [[ ! -x .venv/bin/python ]]; then
      echo "== making the virtual environment .venv"
      "${PYTHON:-python3}" -m venv .venv
    fi
    # shellcheck disable=SC1091
    source .venv/bin/activate
  fi
  local stamp
  stamp="$VIRTUAL_ENV/.installed-$(cat requirements*.txt | cksum | cut -d ' ' -f 1)-$requirements"
  if [[ ! -e $stamp ]]; then
    echo "== installing $requirements"
    python -m pip install --quiet --disable-pip-version-check -r "$requirements"
    touch "$stamp"
  fi
}
