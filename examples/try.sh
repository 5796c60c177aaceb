#!/bin/sh
# Builds an example and runs it once in this terminal, doing all set-up in this checkout: its own virtual environment
# (.venv), its own installs, its output in build/.
# usage: sh examples/try.sh [hello|weather]
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
case ${1:-hello} in
  hello) source=examples/hello.ppd program=build/hello.py dag=hello extras=build ;;
  weather) source=examples/weather/weather.ppd program=build/weather.py dag=weather extras=build,examples ;;
  *)
    echo "error: no example is called '$1'" >&2
    echo "usage: sh examples/try.sh [hello|weather]" >&2
    exit 2
    ;;
esac
sh .ci/venv.sh .venv ".[$extras]"
.venv/bin/ppc build "$source" -o build/
.venv/bin/python "$program" run "$dag"
echo
echo "What ran:          $program, compiled from $source"
[ "$dag" = weather ] && echo "Its report:        build/out/report.html"
echo "A task's log:      .venv/bin/python $program logs latest"
echo "Scheduler + page:  .venv/bin/python $program     (prints its address; Ctrl-C ends it)"
