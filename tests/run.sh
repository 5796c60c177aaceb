#!/bin/sh
# Runs everything that gates a change: lint, format, types, import contracts, tests. Does all its own set-up in this
# checkout, in a virtual environment of its own (.venv-test); what the tests need of PostgreSQL, MariaDB and Chromium it
# installs as packages of the system, if it may.
# usage: sh tests/run.sh [pytest arguments…]
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
sh .ci/servers.sh
sh .ci/venv.sh .venv-test --editable ".[dev]"
PATH=$here/.venv-test/bin:$PATH
export PATH
# The tests start some thousand programs: none is to compile what it imports of the project itself anew, also where the
# environment has Python write no bytecode by the way.
python -m compileall -q compiler grammar runtime

step() {
  echo "== $*"
  "$@"
}

step ruff check .
step ruff format --check .
step mypy
step pyright
step lint-imports
step pytest --numprocesses=auto --dist=worksteal "$@"
