#!/usr/bin/env bash
# Measures how long a change takes from the API until every node of a simulated fleet runs it, for 3 and 100 nodes and
# 1,000 and 10,000 channels, against a control plane of its own: free ports, SQLite, everything in a temporary folder.
# Usage: bench/fleet.sh [ARGUMENTS OF bascule-loadtest fleet, for example --whole or --share]
#   FLEET_SHAPES ("3:1000 3:10000 100:1000 100:10000")   nodes:channels of each row
#   FLEET_CHANGES (100)                                   changes of each row
#   FLEET_PLANE                                           the control plane's binary, to measure an earlier one
#   FLEET_JSON                                            folder that keeps each row's JSON
# Some four minutes on two CPUs after the build. Prints one row of a Markdown table for each shape.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
root="$(dirname "$here")"
target="${CARGO_TARGET_DIR:-$root/target}"
shapes="${FLEET_SHAPES:-3:1000 3:10000 100:1000 100:10000}"
changes="${FLEET_CHANGES:-100}"
plane="${FLEET_PLANE:-$target/release/bascule-controlplane}"
loadtest="$target/release/bascule-loadtest"

note() { printf 'fleet: %s\n' "$*" >&2; }

[ -n "${BENCH_NO_BUILD:-}" ] || (cd "$root" && cargo build --release -p bascule-controlplane -p bascule-loadtest >&2)

folder="$(mktemp -d -t bascule-fleet-XXXXXX)"
pid=
stop() {
  if [ -n "$pid" ]; then
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  fi
  rm -rf "$folder"
}
trap stop EXIT

# The ready file names process and ports: `field NAME` reads one of them.
field() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$folder/ready.json" "$1"; }

start() {
  rm -rf "$folder/state" "$folder/ready.json"
  "$plane" --http 127.0.0.1:0 --grpc 127.0.0.1:0 --state-dir "$folder/state" --ready-file "$folder/ready.json" \
    2>"$folder/controlplane.log" >&2 &
  pid=$!
  for _ in $(seq 500); do
    [ -e "$folder/ready.json" ] && return
    sleep 0.02
  done
  note "the control plane did not start: $(tail -n 1 "$folder/controlplane.log")"
  exit 1
}

row() {
  python3 - "$1" <<'PYTHON'
import json, sys
r = json.load(open(sys.argv[1]))
number = lambda value, digits=1: "-" if value is None else f"{value:,.{digits}f}"
live, acked = r["live_ms"], r["last_acknowledged_ms"]
cells = [r["nodes"], f"{r['channels']:,}", f"**{number(live['p50'])}**", f"**{number(live['p99'])}**", number(live["max"]),
         number(acked["p50"]), number(r["made_ms"]["p50"]), number(r["plane_cpu_ms_per_change"]), number(r["plane_resident_mib"], 0),
         number(r["plane_resident_peak_mib"], 0), number(r["bytes_per_node"], 0), r["changes"], r["deltas"], r["resyncs"]]
print("| " + " | ".join(map(str, cells)) + " |", flush=True)
PYTHON
}

cat <<'TABLE'
| nodes | channels | live p50 ms | p99 ms | max ms | last ack p50 ms | made p50 ms | plane CPU ms a change | plane MiB | peak MiB | bytes a node | changes | deltas | resyncs |
|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
TABLE
for shape in $shapes; do
  start
  json="${FLEET_JSON:-$folder}/fleet-${shape/:/-}.json"
  "$loadtest" fleet --http "$(field http)" --grpc "$(field grpc)" --pid "$pid" --state-dir "$folder/state" \
    --nodes "${shape%:*}" --channels "${shape#*:}" --changes "$changes" --json "$json" "$@" >&2
  row "$json"
  kill "$pid"
  wait "$pid" 2>/dev/null || true
  pid=
done
