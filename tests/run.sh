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

step() {
  echo "== $*"
  "$@"
}

step ruff check .
step ruff format --check .
step mypy
step pyright
step lint-imports
step pytest --numprocesses=auto "$@"
