#!/bin/sh
# Sets up a virtual environment in this checkout (.venv), and there tries an example: hello is built and run once; of
# every other one a copy is made in build/, and the first commands of its README are run in it, word for word.
# usage: sh examples/try.sh [EXAMPLE]
# Ends with 0 where each command ended as the README tells. Servers that the commands start are ended at the end.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
name=${1-hello}

list_examples() {
  echo "usage: sh examples/try.sh [EXAMPLE]"
  echo "examples:"
  echo "  hello"
  for readme in examples/*/README.md; do
    echo "  $(basename "$(dirname "$readme")")"
  done
}

case $name in
  -h | --help)
    list_examples
    exit
    ;;
  hello) ;;
  '' | */* | .*) known=no ;;
  *) [ -f "examples/$name/README.md" ] || known=no ;;
esac
if [ $# -gt 1 ] || [ "${known:-yes}" = no ]; then
  if [ $# -gt 1 ]; then
    echo "error: one example at a time" >&2
  else
    echo "error: no example is called '$name'" >&2
  fi
  list_examples >&2
  exit 2
fi

sh .ci/venv.sh .venv '.[build]'

if [ "$name" = hello ]; then
  .venv/bin/ppc build examples/hello.ppd -o build/
  .venv/bin/python build/hello.py run hello
  echo
  echo "What ran:          build/hello.py, compiled from examples/hello.ppd"
  echo "A task's log:      .venv/bin/python build/hello.py logs latest"
  echo "Scheduler + page:  .venv/bin/python build/hello.py     (prints its address; Ctrl-C ends it)"
  exit
fi

copy=build/$name
readme=$copy/README.md
rm -rf "$copy"
mkdir -p build
cp -R "examples/$name" "$copy"
rm -rf "$copy/out" "$copy/build"  # what somebody made in the example's own folder

end_servers() {
  trap - EXIT
  jobs -p >"$copy/build/servers"
  while read -r server; do
    kill "$server" 2>/dev/null || true
  done <"$copy/build/servers"
  wait
}
trap end_servers EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Read from a descriptor of its own, so that the terminal stays the commands'.
mkdir "$copy/build"
commands=$here/$copy/build/commands
awk '/^```sh$/ { inside = 1; next } /^```$/ && inside { exit } inside' "$readme" >"$commands"
count=$(($(wc -l <"$commands")))
copy=$here/$copy
cd "$copy"
PATH=$here/.venv/bin:$PATH PIP_QUIET=1 PIP_DISABLE_PIP_VERSION_CHECK=1
export PATH PIP_QUIET PIP_DISABLE_PIP_VERSION_CHECK
exec 3<"$commands"
number=0
while IFS= read -r command <&3; do
  number=$((number + 1))
  echo
  echo "\$ $command"
  code=0
  eval "$command" 3<&- || code=$?
  if [ $number -eq $((count)) ] && grep -q '^<!-- the last of these commands fails -->$' README.md; then
    if [ $code -eq 0 ]; then
      echo "error: this succeeded, and examples/$name/README.md tells that it fails" >&2
      exit 1
    fi
    echo "(It failed, as it should: examples/$name/README.md tells why.)"
  elif [ $code -ne 0 ]; then
    echo "error: this ended with $code" >&2
    exit 1
  fi
done

echo
echo "What ran:          the commands above, of examples/$name/README.md, in build/$name, a copy of the example"
made=$(find . -path '*/out/*' -type f ! -name '.*' | sort | head -n 6 | sed "s|^\.|build/$name|" | paste -s -d ' ' -)
[ -z "$made" ] || echo "What came of it:   $made"
if [ -f "build/$name.py" ]; then
  echo "To go on there:    cd build/$name && . ../../.venv/bin/activate"
  echo "A task's log:      python build/$name.py logs latest"
  echo "Scheduler + page:  python build/$name.py     (prints its address; Ctrl-C ends it)"
fi
echo "What it shows:     examples/$name/README.md"
