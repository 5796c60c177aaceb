#!/bin/sh
# Makes a virtual environment with this project in it, or brings an existing one up to date.
# usage: sh .ci/venv.sh FOLDER [pip arguments…]
# Needs a Python 3.11 or newer with its `venv` module; PYTHON names it where it is not found by itself.
set -eu
folder=$1
shift

suits() {
  "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

if [ ! -x "$folder/bin/python" ] || ! "$folder/bin/python" -c 'import pip' >/dev/null 2>&1; then
  found=
  for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
    if suits "$python"; then
      found=$python
      break
    fi
  done
  if [ -z "$found" ]; then
    echo "error: no Python 3.11 or newer with venv and ensurepip was found (tried: ${PYTHON:-python3 python3.14 … python3.11 python})" >&2
    echo "help: install one (on Debian and Ubuntu: apt-get install python3 python3-venv), or name it: PYTHON=/path/to/python3 sh …" >&2
    exit 2
  fi
  echo "Making a virtual environment in $folder with $("$found" --version)" >&2
  "$found" -m venv --clear "$folder"
fi
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
