#!/bin/sh
# The cluster on one machine: a scheduler and two executors, three processes that know each other by HTTP alone. Makes a
# run for the day in `data`, shows it, and ends all three.
# usage: sh cluster.sh [PORT]
set -eu
cd "$(dirname "$0")"
port=${1:-9321}
url=http://127.0.0.1:$port
ppc build cluster.ppd -o build/

started=
trap 'kill $started 2>/dev/null || true; wait' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
python build/cluster.py scheduler --port "$port" >build/scheduler.log 2>&1 &
started="$started $!"
curl --silent --fail --output build/ready.json --retry 120 --retry-delay 1 --retry-all-errors "$url/ready"
for site in north south; do
  SITE_LOGS=data/$site python build/cluster.py executor --scheduler "$url" --name "$site" --label "$site" \
    >"build/$site.log" 2>&1 &
  started="$started $!"
done
python build/cluster.py run traffic --scheduler "$url" -p day=2026-03-02
